"""Where a difference comes from: slices, their means, what became of each error."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compare.makers import names, sample
from mlxr.compare.breakdown import (
    Transition,
    error_counts,
    means_of_groups,
    slices,
    transitions,
)
from mlxr.compare.metric import Metric
from mlxr.compare.sample import Score

RIGHT = Metric("right", "binary", True, "right answers", "")


def scored(values: list[int]) -> list[Score]:
    return [
        Score({"right": float(v)}, slices={"calls due": "one" if i < 6 else "none", "all": "x"})
        for i, v in enumerate(values)
    ]


def test_each_group_is_compared_by_itself() -> None:
    cases = [
        replace(sample("x", name), category="a" if i % 4 else "b")
        for i, name in enumerate(names(8))
    ]
    base, tuned = scored([0] * 8), scored([1, 1, 1, 1, 1, 1, 0, 0])
    found = slices(RIGHT, cases, base, tuned, names(8), 0)
    assert [(s.name, s.value, s.paired.n, s.paired.delta) for s in found] == [
        ("category", "a", 6, pytest.approx(4 / 6)),
        ("category", "b", 2, 1.0),
        ("calls due", "one", 6, 1.0),
        ("calls due", "none", 2, 0.0),
    ]
    assert found[2].p_holm == min(1, 2 * found[2].paired.p)
    assert means_of_groups(found)["calls due"] == (0.0, 0.5)


def test_errors_are_counted_and_followed() -> None:
    base = [Score({}, errors=e) for e in [("empty",), ("a", "b"), (), ("empty",)]]
    tuned = [Score({}, errors=e) for e in [(), ("b",), (), ()]]
    assert error_counts(base) == {"empty": 2, "a": 1, "b": 1}
    assert transitions(base, tuned) == [
        Transition("empty", "no error", 2), Transition("a + b", "b", 1),
        Transition("no error", "no error", 1),
    ]  # fmt: skip
    assert transitions(tuned[2:], tuned[2:]) == []
