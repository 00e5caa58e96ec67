from __future__ import annotations

from dataclasses import replace

import pytest

from mlxr.power import smallest_difference
from mlxr.prep.audit.findings import Finding
from prep.audit.answered import Row, codes, events, findings, name


def of(code: str, rows: list[Row]) -> Finding:
    (found,) = [finding for finding in findings(rows) if finding.code == code]
    return found


def labelled(*labels: object, split: str = "train") -> list[Row]:
    return [
        replace(row, label=labels[i % len(labels)], split=split) for i, row in enumerate(events(40))
    ]


@pytest.mark.parametrize("label", [False, "False", "undesirable", "Bad", "rejected", "negative"])
def test_undesirable_rows_in_train_are_counted(label: object) -> None:
    found = findings(labelled("good", label))
    assert [(f.code, f.counts) for f in found] == [("undesirable-in-train", {"train": 20})]


@pytest.mark.parametrize(
    ("labels", "count"),
    [((0, 1), 20), ((-1, 1), 20), ((0, 1, 2), 0), ((0,), 0), ((1,), 0), (("neutral", "bland"), 0)],
)
def test_numbers_are_verdicts_in_a_column_of_two(labels: tuple[object, ...], count: int) -> None:
    found = [f for f in findings(labelled(*labels)) if f.code == "undesirable-in-train"]
    assert sum(sum(f.counts.values()) for f in found) == count


def test_undesirable_rows_may_be_tested_on() -> None:
    assert "undesirable-in-train" not in codes(labelled(True, False, split="test"))


def test_a_label_that_is_the_answer_is_no_verdict() -> None:
    rows = [Row(f"{name(i)}?", ("yes", "no")[i % 2], label=bool(i % 2)) for i in range(40)]
    assert codes(rows) == []


def categorised(*categories: str) -> list[Row]:
    rows = events(len(categories))
    return [replace(r, category=c, split="train") for r, c in zip(rows, categories, strict=True)]


def test_rare_categories_are_named_with_their_counts() -> None:
    rows = categorised(*["a"] * 60, *["b"] * 36, *["c"] * 3, "d")
    found = of("imbalanced", rows)
    assert found.counts == {"train": 4}
    assert found.message == (
        "4 of 100 rows (4.0 %): 2 categories of 4 under 5 % of the training rows: d (1), c (3)."
    )


def test_many_rare_categories_are_counted() -> None:
    rows = categorised(*(f"c{i % 40:02}" for i in range(200)))
    assert of("imbalanced", rows).message == (
        "200 of 200 rows (100.0 %): 40 categories of 40 under 5 % of the training rows: "
        "c00 (5), c01 (5), c02 (5), c03 (5), c04 (5) and 35 more."
    )


def test_an_identifier_is_called_one() -> None:
    rows = categorised(*(f"id-{i}" for i in range(50)))
    assert of("imbalanced", rows).message == (
        "50 of 50 rows (100.0 %): the category has 50 different values, like an identifier."
    )


@pytest.mark.parametrize("count", [19, 100])
def test_balanced_or_few_rows_raise_nothing(count: int) -> None:
    rows = categorised(*(("a", "b") * count)[:count] if count > 19 else ["a"] * 18 + ["b"])
    assert codes(rows) == []


def test_a_rare_label_is_one_too() -> None:
    rows = [replace(row, label=str(i == 7), split="train") for i, row in enumerate(events(40))]
    assert of("imbalanced", rows).message.endswith("of the training rows: true (1).")


@pytest.mark.parametrize(("rows", "points"), [(80, 17), (200, 11), (500, 7), (1000, 5)])
def test_the_smallest_difference_is_that_of_the_formula(rows: int, points: int) -> None:
    assert round(100 * smallest_difference(rows)) == points


def only_test(count: int) -> list[Row]:
    return [replace(row, split="test") for row in events(count)]


def test_a_small_test_split_says_what_it_can_show() -> None:
    assert codes(only_test(59)) == []
    found = of("test-too-small", only_test(58))
    assert found.counts == {"test": 58}
    assert found.message == (
        "test has 58 rows: it shows a difference only from 20 points on. "
        "236 rows would show 10 points."
    )
    assert "under 10 rows, compare gives no verdict" in of("test-too-small", only_test(9)).message
