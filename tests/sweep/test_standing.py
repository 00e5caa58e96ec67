"""Means over seeds, their spread, and when two settings are told apart."""

from __future__ import annotations

import math
from statistics import stdev

import pytest

from mlxr.sweep.criterion import LOSS
from mlxr.sweep.standing import Row, Standing, apart, ranked, seed_sd


def standing(name: str, *values: float | None, left_at: int | None = None) -> Standing:
    rows = (Row(i, f"r/{i}", "done", 4, value or 9.0, value) for i, value in enumerate(values))
    return Standing({"k": name}, tuple(rows), left_at)


def test_the_best_is_first_the_failed_and_left_behind_last() -> None:
    found = [
        standing("failed", None, None),
        standing("left late", None, left_at=4),
        standing("half failed", 0.1, None),
        standing("left early", None, left_at=2),
        standing("second", 0.6, 0.4),
        standing("first", 0.3, 0.5),
    ]
    names = [each.setting["k"] for each in ranked(found, LOSS)]
    assert names == ["first", "second", "half failed", "left late", "left early", "failed"]


def test_the_spread_of_seeds_is_pooled_by_degrees_of_freedom() -> None:
    one, other = (1.0, 3.0), (10.0, 11.0, 15.0)
    expected = math.sqrt((stdev(one) ** 2 + 2 * stdev(other) ** 2) / 3)
    found = [standing("a", *one), standing("b", *other), standing("c", 4.0)]
    assert seed_sd(found) == pytest.approx(expected)
    assert seed_sd([standing("c", 4.0)]) is None


def test_two_settings_are_apart_beyond_twice_the_error_of_their_difference() -> None:
    error = 1.0 * math.sqrt(1 / 2 + 1 / 2)
    best = standing("a", 0.0, 0.0)
    assert apart(best, standing("b", 2.01 * error, 2.01 * error), 1.0)
    assert not apart(best, standing("b", 1.99 * error, 1.99 * error), 1.0)
    assert not apart(best, standing("b", None), 1.0)
