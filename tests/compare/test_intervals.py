"""Intervals and tests by formula: the golden figures, scipy as a second opinion, symmetry."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare.makers import GOLDEN
from mlxr.compare.intervals import (
    clustered_se,
    mcnemar,
    newcombe,
    standard_error,
    student_t,
    wilson,
)

STATS = GOLDEN["stats"]


@pytest.mark.parametrize("case", STATS["wilson95"], ids=str)
def test_golden_wilson(case: dict[str, Any]) -> None:
    found = wilson(case["k"], case["n"])
    assert (found.low, found.high) == pytest.approx(case["expect"], abs=1e-6)


@pytest.mark.parametrize("case", STATS["newcombe_paired95"], ids=str)
def test_golden_newcombe(case: dict[str, Any]) -> None:
    cells = [case[name] for name in ("n11", "n10", "n01", "n00")]
    found = newcombe(*cells)
    delta = (cells[2] - cells[1]) / sum(cells)
    assert (delta, found.low, found.high) == pytest.approx(case["expect"], abs=1e-6)


@pytest.mark.parametrize("case", STATS["mcnemar"], ids=str)
def test_golden_mcnemar(case: dict[str, Any]) -> None:
    found = mcnemar(case["n10"], case["n01"])
    assert (found.exact, found.midp) == pytest.approx((case["exact"], case["midp"]), abs=1e-6)


def test_golden_standard_errors() -> None:
    case = STATS["paired_se"]
    assert standard_error(case["d"]) == pytest.approx(case["expect"], abs=1e-8)
    case = STATS["clustered_se"]
    assert clustered_se(case["x"], case["clusters"], finite=False) == pytest.approx(case["miller"])
    assert clustered_se(case["x"], case["clusters"]) == pytest.approx(case["finite_corrected"])
    assert standard_error(case["x"]) == pytest.approx(case["plain"])


def test_all_golden_cases_are_there() -> None:
    counts = {name: len(STATS[name]) for name in ("wilson95", "newcombe_paired95", "mcnemar")}
    assert counts == {"wilson95": 5, "newcombe_paired95": 6, "mcnemar": 6}


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=30)
def test_wilson_agrees_with_scipy(case: tuple[int, int]) -> None:
    from scipy.stats import binomtest

    k, n = case
    expected = binomtest(k, n).proportion_ci(method="wilson")
    found = wilson(k, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_student_t_agrees_with_scipy() -> None:
    from scipy.stats import ttest_1samp

    values = [0.1, 0.4, -0.2, 0.3, 0.25]
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    found = student_t(values)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


CELLS = st.tuples(*[st.integers(0, 40)] * 4).filter(any)


@given(CELLS)
def test_newcombe_mirrors_exactly_and_holds_the_difference(cells: tuple[int, ...]) -> None:
    n11, n10, n01, n00 = cells
    one, other = newcombe(n11, n10, n01, n00), newcombe(n11, n01, n10, n00)
    assert (one.low, one.high) == (-other.high, -other.low)
    assert -1 <= one.low <= (n01 - n10) / sum(cells) <= one.high <= 1
    assert mcnemar(n10, n01) == mcnemar(n01, n10)
    assert 0 <= mcnemar(n10, n01).midp <= mcnemar(n10, n01).exact <= 1
