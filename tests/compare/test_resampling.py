"""Intervals and tests by drawing: scipy as a second opinion, bounds, repeatability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare.makers import GOLDEN
from mlxr.compare import resampling
from mlxr.compare.intervals import mcnemar
from mlxr.compare.resampling import bootstrap, sign_flip, swap_test
from mlxr.compare.scorers.extraction import f1

STATS = GOLDEN["stats"]


def test_golden_sign_flip() -> None:
    assert sign_flip(STATS["signflip_exact"]["d"], 0) == STATS["signflip_exact"]["expect"]


@given(st.lists(st.floats(-9, 9).map(lambda x: round(x, 2)), min_size=2, max_size=8))
@settings(max_examples=20, deadline=None)  # the first call imports a package
def test_sign_flip_agrees_with_scipy(differences: list[float]) -> None:
    import numpy as np
    from scipy.stats import permutation_test

    expected = permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    assert sign_flip(differences, 0) == pytest.approx(expected.pvalue, abs=1e-9)


def test_many_differences_are_flipped_at_random_with_a_floor() -> None:
    assert sign_flip([1.0] * 40, 3) == 1 / (resampling.DRAWS + 1)
    mixed = [1.0, -1.0] * 20
    assert sign_flip(mixed, 3) == 1.0
    near = [1.0] * 25 + [-1.0] * 15
    assert 0.1 < sign_flip(near, 3) < 0.2  # exact binomial: 0.154
    assert sign_flip(near, 3) == sign_flip(near, 3)


def test_no_difference_at_all_has_p_one() -> None:
    assert sign_flip([0.0] * 5, 0) == 1.0
    assert bootstrap([(1.0, 2.0)] * 5, [(1.0, 2.0)] * 5, lambda s: s[0] / s[1], 0).p == 1.0


def test_the_bootstrap_agrees_with_scipy() -> None:
    import numpy as np
    from scipy import stats

    rng = np.random.default_rng(1)
    base, tuned = rng.uniform(1, 3, (2, 60))
    sizes = rng.integers(1, 9, 60).astype(float)

    def delta(b: Any, t: Any, s: Any, axis: int = -1) -> Any:
        return t.sum(axis) / s.sum(axis) - b.sum(axis) / s.sum(axis)

    expected = stats.bootstrap(
        (base, tuned, sizes), delta, paired=True, method="percentile", n_resamples=9999,
        rng=np.random.default_rng(2),
    )  # fmt: skip
    rows = [
        [(float(x), float(s)) for x, s in zip(arm, sizes, strict=True)] for arm in (base, tuned)
    ]
    found = bootstrap(rows[0], rows[1], lambda s: s[0] / s[1], 3)
    interval = expected.confidence_interval
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (interval.low, interval.high), abs=0.01
    )
    assert found.se == pytest.approx(expected.standard_error, rel=0.05)
    draws = expected.bootstrap_distribution
    assert 0.05 < found.p < 0.95
    tail = min((draws <= 0).mean(), (draws >= 0).mean())
    assert found.p == pytest.approx(2 * tail, abs=0.03)


def test_the_p_of_a_bootstrap_has_a_floor() -> None:
    base, tuned = [(1.0, 2.0)] * 20, [(1.5, 2.0)] * 20
    assert bootstrap(base, tuned, lambda s: s[0] / s[1], 0).p == 1 / (resampling.DRAWS + 1)


def test_memory_is_bounded_without_changing_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    base, tuned = (
        [tuple(map(float, row)) for row in rng.integers(0, 4, (30, 4))] for _ in range(2)
    )
    whole = bootstrap(base, tuned, f1, 5)
    monkeypatch.setattr(resampling, "CELLS", 1000)
    assert bootstrap(base, tuned, f1, 5) == whole
    differences = rng.normal(size=30).tolist()
    flipped = sign_flip(differences, 5)
    monkeypatch.setattr(resampling, "CELLS", 100)
    assert sign_flip(differences, 5) == flipped


def test_swapping_the_arms_mirrors_the_bootstrap_exactly() -> None:
    import numpy as np

    values = np.random.default_rng(4).uniform(1, 3, (2, 25)).tolist()
    base, tuned = ([(value, 2.0) for value in arm] for arm in values)
    there, back = (bootstrap(*arms, _quotient, 6) for arms in ((base, tuned), (tuned, base)))
    assert (there.interval.low, there.interval.high) == (-back.interval.high, -back.interval.low)
    assert (there.p, there.se) == (back.p, back.se)


def _quotient(sums: Sequence[float]) -> float:
    return sums[0] / sums[1]


@pytest.mark.parametrize(("down", "up"), [(2, 9), (0, 6), (1, 0), (30, 51)])
def test_mid_p_of_signs_is_mcnemars(down: int, up: int) -> None:
    found = sign_flip([1.0] * up + [-1.0] * down, 0, mid=True)
    assert found == pytest.approx(mcnemar(down, up).midp, abs=0.004 if up > 14 else 1e-9)


@pytest.mark.parametrize("n", [200, 2000])
def test_drawing_kinds_of_samples_is_drawing_samples(
    monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    """Counting equal samples as one kind changes the cost and not the answer."""
    import numpy as np

    rng = np.random.default_rng(8)
    base, tuned = (
        [(float(right), 2.0) for right in rng.integers(0, 3, n) + lift * (rng.random(n) < 0.15)]
        for lift in (0, 1)
    )
    kinds = bootstrap(base, tuned, _quotient, 5)
    monkeypatch.setattr(
        resampling, "_distinct", lambda arms: (np.arange(len(arms[0])), np.ones(len(arms[0])))
    )
    each = bootstrap(base, tuned, _quotient, 5)
    width = each.interval.high - each.interval.low
    assert kinds.interval.low == pytest.approx(each.interval.low, abs=0.04 * width)
    assert kinds.interval.high == pytest.approx(each.interval.high, abs=0.04 * width)
    assert kinds.p == pytest.approx(each.p, abs=0.02)


def test_the_swap_test_of_equal_weights_is_the_sign_flip_test() -> None:
    base, tuned = [(0.0, 1.0)] * 6, [(d, 1.0) for d in STATS["signflip_exact"]["d"]]
    assert swap_test(base, tuned, _quotient, 0) == STATS["signflip_exact"]["expect"]
