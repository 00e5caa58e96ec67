"""Intervals and tests by drawing: the paired bootstrap and the sign-flip test.

Draws come from local generators, so the same samples in the same order and the same seed give
the same numbers. Both arms see the same draws: swapping them mirrors the result exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlxr.compare.intervals import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Aggregate = Callable[[Sequence[float]], float]
Sums = tuple[float, ...]
"""The statistics of one sample, or of many added up."""

DRAWS = 10_000
"""Bootstrap replicates, and sign-flips where not all are tried."""
EXACT_FLIPS = 14
"""Up to so many differing samples, every combination of signs is tried."""
CELLS = 4_000_000
"""Most random numbers held in memory at once."""


@dataclass(frozen=True)
class Bootstrap:
    """What resampling says about a difference of two ratios."""

    interval: Interval
    se: float
    p: float


def sign_flip(differences: Sequence[float], seed: int, *, mid: bool = False) -> float:
    """Return the two-sided p of the mean difference when every sign could as well be the other.

    All signs are tried for up to 14 differences other than 0; else 10,000 draws, (c+1)/(R+1).
    `mid` counts what is exactly as far as the observed by half: on ±1, McNemar's mid-p.
    """
    import numpy as np

    moved = np.array([d for d in differences if d], np.float64)
    if not moved.size:
        return 1.0
    observed = abs(math.fsum(moved.tolist()))
    slack = observed * 1e-9  # equal sums may differ in the last bit
    exact = moved.size <= EXACT_FLIPS
    blocks = _all_signs(moved.size) if exact else _drawn_signs(moved.size, seed)
    as_far = further = 0
    for signs in blocks:
        reached = abs(signs @ moved)
        as_far += int((reached >= observed - slack).sum())
        further += int((reached > observed + slack).sum())
    counted = (as_far + further) / 2 if mid else as_far
    return counted / 2**moved.size if exact else (counted + 1) / (DRAWS + 1)


def bootstrap(
    base: Sequence[Sums], tuned: Sequence[Sums], aggregate: Aggregate, seed: int
) -> Bootstrap:
    """Return the paired percentile bootstrap of aggregate(tuned) − aggregate(base).

    A row of `base` and `tuned` holds one sample's statistics; samples are drawn with
    replacement, the same in both arms, and their statistics added. The p is `swap_test`'s:
    twice the smaller tail of the draws claims a difference in 7.6 % of A/A comparisons of 20.
    """
    draws = _replicates([_table(base), _table(tuned)], aggregate, seed)
    return Bootstrap(*spread(draws[1] - draws[0]), swap_test(base, tuned, aggregate, seed))


def bootstrap_one(arm: Sequence[Sums], aggregate: Aggregate, seed: int) -> Interval:
    """Return the percentile bootstrap of one arm's aggregate."""
    return spread(_replicates([_table(arm)], aggregate, seed)[0])[0]


def swap_test(
    base: Sequence[Sums], tuned: Sequence[Sums], aggregate: Aggregate, seed: int
) -> float:
    """Return the two-sided p of a difference when each sample's arms could as well be swapped.

    `sign_flip` for ratios of sums: all ways to swap up to 14 differing samples, else 10,000.
    """
    import numpy as np

    before, after = _table(base), _table(tuned)
    totals = before.sum(axis=0), after.sum(axis=0)
    moved = (before != after).any(axis=1)
    before, after = before[moved], after[moved]
    m = len(before)
    if not m:
        return 1.0

    def far(gained: Floats) -> Floats:
        one = _aggregated(aggregate, totals[0] + gained)
        return abs(_aggregated(aggregate, totals[1] - gained) - one)

    places, copies = _distinct([before, after])
    shift = after - before
    blocks = (
        ((signs > 0) @ shift for signs in _all_signs(m))
        if m <= EXACT_FLIPS
        else (swaps @ shift[places] for swaps in _drawn_swaps(copies, seed))
    )
    observed = float(far(np.zeros((1, shift.shape[1])))[0]) * (1 - 1e-9)
    as_far = sum(int((far(gained) >= observed).sum()) for gained in blocks)
    return as_far / 2**m if m <= EXACT_FLIPS else (as_far + 1) / (DRAWS + 1)


def spread(delta: Floats) -> tuple[Interval, float]:
    """Return the percentile interval of drawn values, and their standard deviation."""
    import numpy as np

    return _percentiles(np.sort(delta)), float(delta.std(ddof=1))


def blocks(width: int) -> Iterator[int]:
    """Yield how many of DRAWS rows each block has, so that none has more than CELLS numbers."""
    size = max(1, CELLS // width)
    return (min(size, DRAWS - start) for start in range(0, DRAWS, size))


def drawn_counts(rng: np.random.Generator, n: int, rows: int) -> NDArray[np.int64]:
    """Return how often each of n is drawn in n draws with replacement; a row for each resample."""
    import numpy as np

    drawn = rng.integers(0, n, (rows, n)) + np.arange(rows)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)


def _all_signs(m: int) -> Iterator[Floats]:
    import numpy as np

    yield np.where((np.arange(2**m)[:, None] >> np.arange(m)) & 1, 1.0, -1.0)


def _drawn_signs(m: int, seed: int) -> Iterator[Floats]:
    return (2 * coins - 1 for coins in _coins(m, seed))


def _drawn_swaps(copies: Floats, seed: int) -> Iterator[Floats]:
    """How many samples of each kind are swapped, every one of them as likely as not."""
    import numpy as np

    if copies.max() == 1:
        yield from _coins(len(copies), seed)
        return
    rng = np.random.default_rng(seed)
    for rows in blocks(len(copies)):
        drawn = rng.binomial(copies.astype(np.int64), 0.5, (rows, len(copies)))
        yield drawn.astype(np.float64)


def _coins(m: int, seed: int) -> Iterator[Floats]:
    """DRAWS rows of m fair coins, 0 or 1, a block at a time; eight of each random byte."""
    import numpy as np

    rng = np.random.default_rng(seed)
    for rows in blocks(m):
        packed = rng.integers(0, 256, (rows, -(-m // 8)), np.uint8)
        yield np.unpackbits(packed, axis=1, count=m).astype(np.float64)


def _replicates(arms: Sequence[Floats], aggregate: Aggregate, seed: int) -> list[Floats]:
    """The aggregate of DRAWS resamples of each arm; the same samples are drawn in all."""
    import numpy as np

    rng = np.random.default_rng(seed)
    places, copies = _distinct(arms)
    n, kinds, found = len(arms[0]), len(places), []
    for rows in blocks(kinds):
        few = kinds < n
        counts = rng.multinomial(n, copies / n, rows) if few else drawn_counts(rng, n, rows)
        weights = counts.astype(np.float64)
        found.append([_aggregated(aggregate, weights @ arm[places]) for arm in arms])
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def _distinct(arms: Sequence[Floats]) -> tuple[NDArray[np.int64], Floats]:
    """Where rows of statistics stand that differ, and how many are like each.

    To draw samples is to draw how many of each kind: where thousands of samples have a few
    kinds of statistics, that is far less to draw. In order of appearance, so that swapped arms
    are drawn alike. All rows, once each, where kinds would save little.
    """
    import numpy as np

    kinds: dict[tuple[float, ...], list[int]] = {}
    for i, row in enumerate(np.hstack(arms).tolist()):
        kinds.setdefault(tuple(row), []).append(i)
    if 8 * len(kinds) > len(arms[0]):
        return np.arange(len(arms[0])), np.ones(len(arms[0]))
    copies = [float(len(at)) for at in kinds.values()]
    return np.array([at[0] for at in kinds.values()]), np.array(copies)


def _aggregated(aggregate: Aggregate, totals: Floats) -> Floats:
    import numpy as np

    return np.array([aggregate(total) for total in totals.tolist()], np.float64)


def _table(rows: Sequence[Sums]) -> Floats:
    import numpy as np

    return np.array(rows, np.float64)


def _percentiles(ordered: Floats) -> Interval:
    """The 2.5 and 97.5 percentiles as order statistics, mirror images of each other."""
    k = math.floor(0.025 * (len(ordered) + 1)) - 1
    return Interval(float(ordered[k]), float(ordered[-1 - k]), "bootstrap_percentile")
