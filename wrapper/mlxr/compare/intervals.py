"""Intervals and tests that a formula gives: proportions, paired proportions, means.

Exactly symmetric in the two arms: swapping them negates a difference and mirrors its interval.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, both ends belonging to it."""

    low: float
    high: float
    method: str


@dataclass(frozen=True)
class McNemar:
    """Two-sided p of the exact test, and its mid-p form."""

    exact: float
    midp: float


def wilson(successes: float, n: float) -> Interval:
    """Return Wilson's score interval of a proportion (Wilson 1927); n must be positive.

    Counts need not be whole, so that clustered samples can enter by what they are worth.
    """
    p = successes / n
    scale = 1 + Z * Z / n
    centre = (p + Z * Z / (2 * n)) / scale
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / scale
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high, "wilson")


def newcombe(n11: float, n10: float, n01: float, n00: float) -> Interval:
    """Return the hybrid score interval of a paired difference (Newcombe 1998, method 10).

    Counts are (base, tuned): n10 has 1 in base and 0 in tuned. The difference is tuned − base.
    """
    n = n11 + n10 + n01 + n00
    tuned, base = (n11 + n01) / n, (n11 + n10) / n
    of_tuned, of_base = wilson(n11 + n01, n), wilson(n11 + n10, n)
    phi = _phi(n11, n10, n01, n00)
    delta = (n01 - n10) / n
    low = delta - _hypotenuse(tuned - of_tuned.low, of_base.high - base, phi)
    high = delta + _hypotenuse(base - of_base.low, of_tuned.high - tuned, phi)
    return Interval(max(-1.0, low), min(1.0, high), "newcombe10")


def mcnemar(n10: int, n01: int) -> McNemar:
    """Return McNemar's exact and mid-p tests on the differing pairs (Fagerland et al. 2013)."""
    from scipy.stats import binom

    m, k = n10 + n01, min(n10, n01)
    if m == 0:
        return McNemar(1.0, 1.0)
    tail, point = float(binom.cdf(k, m, 0.5)), float(binom.pmf(k, m, 0.5))
    return McNemar(min(1.0, 2 * tail), 1 - point if n10 == n01 else 2 * tail - point)


def standard_error(values: Sequence[float]) -> float:
    """Return the standard error of a mean; on differences, the paired one (Miller 2024)."""
    mean = math.fsum(values) / len(values)
    spread = math.fsum((value - mean) ** 2 for value in values)
    return math.sqrt(spread / (len(values) - 1) / len(values))


def clustered_se(
    values: Sequence[float], clusters: Sequence[Hashable], *, finite: bool = True
) -> float:
    """Return the standard error of a mean whose values come in clusters.

    `finite` multiplies by C/(C−1) for C clusters, at least two, as Inspect does; Miller (2024)
    does not.
    """
    mean = math.fsum(values) / len(values)
    sums: dict[Hashable, float] = defaultdict(float)
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] += value - mean
    factor = len(sums) / (len(sums) - 1) if finite else 1.0
    return math.sqrt(factor * math.fsum(s * s for s in sums.values())) / len(values)


def error_of_mean(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> float:
    """Return the standard error of a mean, the clustered one where clusters hold several."""
    if clusters is None or len(set(clusters)) == len(values):
        return standard_error(values)
    return clustered_se(values, clusters)


def student_t(values: Sequence[float], clusters: Sequence[Hashable] | None = None) -> Interval:
    """Return Student's interval of a mean; needs two values, and two clusters if there are any.

    One degree of freedom fewer than there are values, or clusters.
    """
    mean = math.fsum(values) / len(values)
    groups = len(values) if clusters is None else len(set(clusters))
    half = quantile(groups - 1) * error_of_mean(values, clusters)
    return Interval(mean - half, mean + half, "student_t")


def quantile(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))


def student_p(t: float, freedom: int) -> float:
    """Return the two-sided p of Student's t."""
    from scipy.special import stdtr

    return 2 * float(stdtr(freedom, -abs(t)))


def _phi(n11: float, n10: float, n01: float, n00: float) -> float:
    """Newcombe's correlation, corrected for continuity."""
    a = (n11 + n10) * (n01 + n00) * (n11 + n01) * (n10 + n00)
    if not a:
        return 0.0
    b, half = n11 * n00 - n10 * n01, (n11 + n10 + n01 + n00) / 2
    corrected = b - half if b > half else min(b, 0)
    return corrected / math.sqrt(a)


def _hypotenuse(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, (one * one + other * other) - 2 * phi * (one * other)))
