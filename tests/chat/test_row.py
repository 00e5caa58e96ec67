"""What is typed becomes a row: a value, lines with names, or JSON."""

from __future__ import annotations

import pytest

from mlxr.chat.row import explained, missing, row_of
from mlxr.errors import MlxrError

TWO = ["tools", "query"]


def test_one_column_takes_the_text_as_it_is() -> None:
    assert row_of("query=1 + 1", ["question"]) == {"question": "query=1 + 1"}
    assert row_of('{"a": 1}', ["question"]) == {"question": '{"a": 1}'}


def test_a_json_object_with_a_columns_name_is_the_row() -> None:
    row = {"question": {"deep": [1, None]}, "more": 2}
    assert row_of('{"question": {"deep": [1, null]}, "more": 2}', ["question"]) == row
    assert missing('{"query": "x"}', TWO) == []


def test_lines_name_their_columns_and_others_go_on_with_the_value_before() -> None:
    text = 'tools = [{"name": "area"}]\nquery=How large\nis x = 2?\n\n(roughly)'
    assert row_of(text, TWO) == {
        "tools": '[{"name": "area"}]',
        "query": "How large\nis x = 2?\n\n(roughly)",
    }
    assert missing("query=x", TWO) == ["tools"]


def test_a_text_without_a_name_is_told_how_to_say_it() -> None:
    with pytest.raises(MlxrError) as caught:
        row_of("How large is it?", TWO)
    assert "2 columns, and this does not say which" in caught.value.message
    assert caught.value.hint == explained(TWO)
    assert "tools=…, query=…" in caught.value.hint
    assert '{"tools": "…", "query": "…"}' in caught.value.hint


def test_a_misspelt_name_gets_a_suggestion() -> None:
    with pytest.raises(MlxrError, match=r"no column 'querry'; did you mean query\?"):
        row_of("querry=x", TWO)
