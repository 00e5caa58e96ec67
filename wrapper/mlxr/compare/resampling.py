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
    p: float
    se: float


def sign_flip(differences: Sequence[float], seed: int) -> float:
    """Return the two-sided p of the mean difference when every sign could as well be the other.

    All signs are tried for up to 14 differences other than 0; else 10,000 draws, (c+1)/(R+1).
    """
    import numpy as np

    moved = np.array([d for d in differences if d], np.float64)
    if not moved.size:
        return 1.0
    observed = abs(math.fsum(moved.tolist())) * (1 - 1e-9)  # equal sums may differ in the last bit
    exact = moved.size <= EXACT_FLIPS
    blocks = _all_signs(moved.size) if exact else _drawn_signs(moved.size, seed)
    as_far = sum(int((abs(signs @ moved) >= observed).sum()) for signs in blocks)
    return as_far / 2**moved.size if exact else (as_far + 1) / (DRAWS + 1)


def bootstrap(
    base: Sequence[Sums], tuned: Sequence[Sums], aggregate: Callable[[Sums], float], seed: int
) -> Bootstrap:
    """Return the paired percentile bootstrap of aggregate(tuned) − aggregate(base).

    A row of `base` and `tuned` holds one sample's statistics; samples are drawn with
    replacement and their statistics added.
    """
    import numpy as np

    draws = [_replicates(np.array(arm, np.float64), aggregate, seed) for arm in (base, tuned)]
    differing = sum(one != other for one, other in zip(base, tuned, strict=True))
    return summary(draws[1] - draws[0], differing)


def summary(delta: Floats, units: int) -> Bootstrap:
    """Return interval, p and standard error from drawn differences.

    The p is twice the smaller tail, but at least 1/(B+1), and at least 2^(1−m) for m independent
    `units` that differ: no test on so few signs can give less, however clear the draws look.
    """
    import numpy as np

    tail = min(float((delta <= 0).mean()), float((delta >= 0).mean()))
    p = min(1.0, max(2 * tail, 1 / (DRAWS + 1), 2.0 ** (1 - units)))
    return Bootstrap(_percentiles(np.sort(delta)), p, float(delta.std(ddof=1)))


def bootstrap_one(arm: Sequence[Sums], aggregate: Callable[[Sums], float], seed: int) -> Interval:
    """Return the percentile bootstrap of one arm's aggregate."""
    import numpy as np

    return _percentiles(np.sort(_replicates(np.array(arm, np.float64), aggregate, seed)))


def _all_signs(m: int) -> Iterator[Floats]:
    import numpy as np

    yield np.where((np.arange(2**m)[:, None] >> np.arange(m)) & 1, 1.0, -1.0)


def _drawn_signs(m: int, seed: int) -> Iterator[Floats]:
    import numpy as np

    rng = np.random.default_rng(seed)
    rows = max(1, CELLS // m)
    for start in range(0, DRAWS, rows):
        yield np.where(rng.integers(0, 2, (min(rows, DRAWS - start), m)), 1.0, -1.0)


def _replicates(rows: Floats, aggregate: Callable[[Sums], float], seed: int) -> Floats:
    """The aggregate of DRAWS resamples; the same seed draws the same samples in either arm."""
    import numpy as np

    rng = np.random.default_rng(seed)
    n, found = len(rows), []
    size = max(1, min(DRAWS, CELLS // n))
    for start in range(0, DRAWS, size):
        block = min(size, DRAWS - start)
        drawn = rng.integers(0, n, (block, n)) + np.arange(block)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=block * n).reshape(block, n)
        found += [aggregate(tuple(total)) for total in (counts @ rows).tolist()]
    return np.array(found, np.float64)


def _percentiles(ordered: Floats) -> Interval:
    """The 2.5 and 97.5 percentiles as order statistics, mirror images of each other."""
    k = math.floor(0.025 * (len(ordered) + 1)) - 1
    return Interval(float(ordered[k]), float(ordered[-1 - k]), "bootstrap_percentile")
