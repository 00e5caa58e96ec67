"""How sure a difference is: a metric on both arms, sample by sample.

Pass/fail metrics take Newcombe's interval and McNemar's mid-p; means Student's t and sign-flips;
ratios of sums the paired bootstrap. The choice is measured: on paired data with few samples or
few errors, the usual normal and bootstrap intervals cover far less than they promise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

from mlxr.compare.intervals import (
    Interval,
    Z,
    mcnemar,
    newcombe,
    standard_error,
    student_t,
    wilson,
)
from mlxr.compare.metric import Metric, number, sums
from mlxr.compare.resampling import bootstrap, bootstrap_one, sign_flip
from mlxr.compare.sample import Score, Value

__all__ = [
    "Estimate",
    "Interval",
    "Outcome",
    "Paired",
    "compare_metric",
    "estimate",
    "holm",
    "outcome",
    "samples_needed",
    "smallest_detectable",
]

DETECT = Z + NormalDist().inv_cdf(0.8)
"""Standard errors that a test at 5 % sees with 80 % power: 2.80."""

Outcome = Literal["fixed", "broken", "both", "neither", "win", "loss", "tie", "unscored"]


@dataclass(frozen=True)
class Estimate:
    """A metric on one arm; `interval` is None where one sample is all there is."""

    value: float
    interval: Interval | None
    n: int
    unscored: int


@dataclass(frozen=True)
class Paired:
    """A metric on both arms, over the samples scored in both."""

    base: float
    tuned: float
    delta: float
    """Tuned minus base, whichever way is better."""
    interval: Interval | None
    """Of delta; None for a single sample, as are `se` and `mde`."""
    p: float
    p_method: str
    se: float | None
    """Standard error of delta."""
    mde: float | None
    """Smallest true difference seen with 80 % power."""
    n: int
    fixed: int | None = None
    """Wrong in base and right in tuned; like the next three, for pass/fail metrics only."""
    broken: int | None = None
    both: int | None = None
    neither: int | None = None


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number, in the same order (Holm 1979)."""
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = highest
    return adjusted


def smallest_detectable(se: float) -> float:
    """Return the true difference that a test at 5 % finds with 80 % power: 2.80 · SE."""
    return DETECT * se


def samples_needed(sd: float, delta: float) -> int:
    """Return how many samples would show `delta` with 80 % power: ⌈(2.80 · sd / δ)²⌉."""
    return math.ceil((DETECT * sd / delta) ** 2)


def compare_metric(
    metric: Metric,
    base_scores: Sequence[Score],
    tuned_scores: Sequence[Score],
    ids: Sequence[str],
    seed: int,
) -> Paired | None:
    """Return a metric on both arms and how sure their difference is.

    Samples unscored in either arm are left out; None if that leaves none. The order of the
    samples has no influence. Raises ValueError on an id that occurs twice.
    """
    if len(set(ids)) < len(ids):
        raise ValueError("sample ids are not unique")
    rows = sorted(zip(ids, base_scores, tuned_scores, strict=True), key=lambda row: row[0])
    name = metric.name
    pairs = [
        (base.values[name], tuned.values[name])
        for _, base, tuned in rows
        if name in base.values and name in tuned.values
    ]
    if not pairs:
        return None
    base, tuned = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return _COMPARE[metric.kind](metric, base, tuned, seed)


def estimate(
    metric: Metric, scores: Sequence[Score], ids: Sequence[str], seed: int
) -> Estimate | None:
    """Return a metric on one arm with its interval; None if no sample is scored."""
    rows = sorted(zip(ids, scores, strict=True), key=lambda row: row[0])
    values = [score.values[metric.name] for _, score in rows if metric.name in score.values]
    if not values:
        return None
    interval = None
    if metric.kind == "binary":
        interval = wilson(sum(value == 1 for value in values), len(values))
    elif len(values) > 1:
        interval = _spread(metric, values, seed)
    return Estimate(metric.total(values), interval, len(values), len(scores) - len(values))


def outcome(metric: Metric, base: Score, tuned: Score) -> Outcome:
    """Return what became of one sample from base to tuned."""
    if metric.name not in base.values or metric.name not in tuned.values:
        return "unscored"
    before, after = (metric.of(score.values[metric.name]) for score in (base, tuned))
    if metric.kind == "binary":
        right = 1.0 if metric.higher_is_better else 0.0
        if before == after:
            return "both" if after == right else "neither"
        return "fixed" if after == right else "broken"
    if abs(after - before) <= metric.tie_band:
        return "tie"
    return "win" if metric.better(after, before) else "loss"


def _binary(metric: Metric, base: list[Value], tuned: list[Value], _seed: int) -> Paired:
    cells = [(number(b) == 1, number(t) == 1) for b, t in zip(base, tuned, strict=True)]
    pattern = ((True, True), (True, False), (False, True), (False, False))
    n11, n10, n01, n00 = (cells.count(cell) for cell in pattern)
    up = metric.higher_is_better
    return _paired(
        metric,
        base,
        tuned,
        delta=(n01 - n10) / len(cells),
        interval=newcombe(n11, n10, n01, n00),
        p=mcnemar(n10, n01).midp,
        p_method="mcnemar_midp",
        se=standard_error([float(t) - float(b) for b, t in cells]) if len(cells) > 1 else None,
        fixed=n01 if up else n10,
        broken=n10 if up else n01,
        both=n11 if up else n00,
        neither=n00 if up else n11,
    )


def _mean(metric: Metric, base: list[Value], tuned: list[Value], seed: int) -> Paired:
    differences = [number(t) - number(b) for b, t in zip(base, tuned, strict=True)]
    several = len(differences) > 1
    return _paired(
        metric,
        base,
        tuned,
        delta=math.fsum(differences) / len(differences),
        interval=student_t(differences) if several else None,
        p=sign_flip(differences, seed),
        p_method="sign_flip",
        se=standard_error(differences) if several else None,
    )


def _ratio(metric: Metric, base: list[Value], tuned: list[Value], seed: int) -> Paired:
    before, after = ([sums(value) for value in arm] for arm in (base, tuned))
    drawn = bootstrap(before, after, metric.of, seed) if len(base) > 1 else None
    return _paired(
        metric,
        base,
        tuned,
        delta=metric.total(tuned) - metric.total(base),
        interval=drawn.interval if drawn else None,
        p=drawn.p if drawn else 1.0,
        p_method="bootstrap",
        se=drawn.se if drawn else None,
    )


_COMPARE: dict[str, Callable[[Metric, list[Value], list[Value], int], Paired]] = {
    "binary": _binary,
    "mean": _mean,
    "ratio": _ratio,
}


def _paired(
    metric: Metric, base: list[Value], tuned: list[Value], *, se: float | None, **found: Any
) -> Paired:
    return Paired(
        base=metric.total(base),
        tuned=metric.total(tuned),
        se=se,
        mde=None if se is None else smallest_detectable(se),
        n=len(base),
        **found,
    )


def _spread(metric: Metric, values: list[Value], seed: int) -> Interval:
    if metric.kind == "mean":
        return student_t([number(value) for value in values])
    return bootstrap_one([sums(value) for value in values], metric.of, seed)
