"""The page as text: what a model wrote is data in it, and the same comparison is the same page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from compare.pages import HOSTILE, compared, records, texts
from mlxr.compare.report.charts import curves, loss_curve, scatter
from mlxr.compare.report.markdown import markdown
from mlxr.compare.report.page import LONGEST, page
from mlxr.compare.sample import Sample


class Elements(HTMLParser):
    """Collects a page's elements, its links and the data in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.targets: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.targets += [found[key] or "" for key in ("src", "href") if key in found]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script":
            self.scripts[-1] += data


@pytest.mark.parametrize("hostile", [*HOSTILE, "x" * 1_000_000])
def test_hostile_text_adds_no_element_and_no_address(hostile: str) -> None:
    tame, odd = (Elements(page(*records(12, (name,)))) for name in ("Ada", hostile))
    assert odd.tags == tame.tags
    assert odd.tags.count("script") == 2
    assert all(each.startswith("#") or each == "data:," for each in odd.targets)


def test_every_sample_is_in_the_page_as_it_was_written() -> None:
    document, judgement = texts(20, HOSTILE[0])
    data = json.loads(Elements(page(document, judgement)).scripts[0])
    assert [s["tuned"]["output"] for s in data["samples"]] == [
        judged.tuned.text for judged in judgement.judged
    ]
    assert [s["gain"] for s in data["samples"][:5]] == [-1, 1, 1, 1, 0]


def test_a_long_text_is_cut_and_says_so() -> None:
    samples = [Sample(f"s{i}", "p", "t") for i in range(10)]
    long = "x" * (LONGEST + 1)
    made = page(*compared(samples, ["t"] * 10, [long] * 10, task="text"))
    data = json.loads(Elements(made).scripts[0])
    shown = data["samples"][0]["tuned"]["output"]
    assert shown.startswith("x" * LONGEST + " … [20,001 characters in all")


def test_half_characters_reach_no_file_as_such() -> None:
    document, judgement = texts(20, "half \ud800")
    for text in (page(document, judgement), markdown(document, judgement)):
        text.encode("utf-8")


def test_what_a_terminal_obeys_is_shown_in_the_report_for_pull_requests() -> None:
    made = markdown(*texts(20, "a\x1b[2Jb\rc\x9bd\u202ee\ttab"))
    assert "\n    a\\x1b[2Jb\n    c\\x9bd\\u202ee\ttab\n" in made
    assert all(c.isprintable() or c in "\n\t" for c in made)


def test_the_same_comparison_is_the_same_page() -> None:
    assert page(*records(30)) == page(*records(30))


def test_no_markup_is_ever_made_of_text() -> None:
    script = Elements(page(*texts(12))).scripts[1]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


def test_each_section_stands_in_the_page_without_its_script() -> None:
    made = page(*records(40, ("Ada", "Bo")))
    for words in ("field F1", "Few &lt;b&gt;rows", "all_null", "category: even", "unreadable",
                  "320", "nats per token", "owner/model"):  # fmt: skip
        assert words in made


def test_the_page_alone_is_small() -> None:
    document, judgement = texts(12)
    assert len(page(document, judgement)) < 60_000


def test_neighbouring_training_losses_are_averaged_and_lost_ones_left_out() -> None:
    events = [{"event": "trained", "iteration": i, "loss": float(i)} for i in range(1, 5)]
    events += [{"event": "validated", "iteration": 4, "loss": None}]
    assert loss_curve(events, 2) == {"train": [[2, 1.5], [4, 3.5]], "valid": []}
    assert loss_curve(events)["train"] == [[i, float(i)] for i in range(1, 5)]


def test_a_curve_needs_two_points() -> None:
    assert curves({"train": [(1, 2.0)]}) is None
    found = curves({"train": [(5, 2.0), (10, 1.0)], "valid": [(10, 1.5)]})
    assert found is not None
    assert found.lines[0].points == "280.0,0.0 560.0,75.0"
    assert found.best == (560.0, 37.5)


def test_all_samples_stand_in_the_scatter_of_a_graded_metric() -> None:
    _, judgement = records(200)
    assert sum(dot.n for dot in scatter(judgement)) == 200
    assert scatter(texts(20)[1]) == []
