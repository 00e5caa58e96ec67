"""What a test split can show before anything is asked of it: the one home of that arithmetic."""

from __future__ import annotations

import math
from statistics import NormalDist

DETECT = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)
"""Standard errors that a test at 5 % sees with 80 % power: 1.96 + 0.84 = 2.80."""
DIFFER = 0.3
"""Share of test cases in which the two arms differ; a third of that shows 1.7 times less."""
VERDICT = 10
"""Test cases below which `mlxr compare` gives no verdict."""


def smallest_detectable(se: float) -> float:
    """Return the true difference that a test at 5 % finds with 80 % power: 2.80 · SE."""
    return DETECT * se


def samples_needed(sd: float, delta: float) -> int:
    """Return how many samples would show `delta` with 80 % power: ⌈(2.80 · sd / δ)²⌉."""
    return math.ceil((DETECT * sd / delta) ** 2)


def smallest_difference(rows: int, differ: float = DIFFER) -> float:
    """Return the difference of two shares that so many paired cases show with 80 % power.

    2.80 · √(q / n), q = `differ` the share of cases in which the arms differ. More than q is
    more than there can be: then nothing is shown.
    """
    return smallest_detectable(math.sqrt(differ / rows))
