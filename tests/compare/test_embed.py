"""Model text in a page stays text."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.makers import GOLDEN
from mlxr.compare.report.embed import embedded

PIECES = ["</script>", "<!--", "<script>", "-->", "]]>", "&lt;", "\u2028", "\ud800", "x" * 99]


class Page(HTMLParser):
    """Collects the elements of a page, and what stands in the first script."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.data = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.data += data


def read_back(value: object) -> object:
    page = Page()
    page.feed(f'<script type="application/json">{embedded(value)}</script>')
    page.close()
    assert page.tags == ["script"]
    return json.loads(page.data)


def test_golden_hostile_text_comes_back_unchanged() -> None:
    hostile = GOLDEN["embed"]["input"]
    assert read_back(hostile) == hostile
    assert not set("<>&\u2028") & set(embedded(hostile))


@given(st.recursive(st.sampled_from(PIECES) | st.text() | st.none(), st.lists, max_leaves=20))
def test_whatever_a_model_writes_is_one_script_element(value: object) -> None:
    assert read_back([value]) == [value]


def test_a_megabyte_of_one_character_and_no_number() -> None:
    assert read_back("<" * 1_000_000) == "<" * 1_000_000
    with pytest.raises(ValueError, match="JSON compliant"):
        embedded(float("nan"))
