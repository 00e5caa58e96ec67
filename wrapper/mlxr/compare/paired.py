"""A metric on both arms, sample by sample: difference, interval, test, by the kind of metric."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlxr.compare.clusters import Clusters, added, effective_n
from mlxr.compare.intervals import Interval, error_of_mean, mcnemar, newcombe, student_t
from mlxr.compare.metric import Metric, number, sums
from mlxr.compare.ranking import bootstrap_auroc
from mlxr.compare.resampling import Bootstrap, bootstrap, sign_flip
from mlxr.compare.sample import Value
from mlxr.power import smallest_detectable


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
    clusters: int
    """Independent groups of samples; n where each stands for itself."""
    fixed: int | None = None
    """Wrong in base and right in tuned; like the next three, for pass/fail metrics only."""
    broken: int | None = None
    both: int | None = None
    neither: int | None = None


def within_shares(metric: Metric, interval: Interval, low: float) -> Interval:
    """Return an interval of a share cut where shares end: Student's t knows no such end."""
    if metric.unit:
        return interval
    return Interval(max(low, interval.low), min(1.0, interval.high), interval.method)


def _binary(
    metric: Metric, base: list[Value], tuned: list[Value], clusters: Clusters, seed: int
) -> Paired:
    cells = [(number(b) == 1, number(t) == 1) for b, t in zip(base, tuned, strict=True)]
    pattern = ((True, True), (True, False), (False, True), (False, False))
    n11, n10, n01, n00 = counts = [cells.count(cell) for cell in pattern]
    moves = [float(t) - float(b) for b, t in cells]
    worth = effective_n(moves, clusters) / len(cells)
    alone = len(set(clusters)) == len(cells)
    up = metric.higher_is_better
    return _paired(
        metric,
        base,
        tuned,
        clusters,
        delta=(n01 - n10) / len(cells),
        interval=newcombe(*(worth * count for count in counts)),
        p=mcnemar(n10, n01).midp if alone else _flipped(moves, clusters, seed, mid=True),
        p_method="mcnemar_midp" if alone else "sign_flip_midp",
        se=_error(moves, clusters),
        fixed=n01 if up else n10,
        broken=n10 if up else n01,
        both=n11 if up else n00,
        neither=n00 if up else n11,
    )


def _mean(
    metric: Metric, base: list[Value], tuned: list[Value], clusters: Clusters, seed: int
) -> Paired:
    differences = [number(t) - number(b) for b, t in zip(base, tuned, strict=True)]
    several = len(set(clusters)) > 1
    return _paired(
        metric,
        base,
        tuned,
        clusters,
        delta=math.fsum(differences) / len(differences),
        interval=within_shares(metric, student_t(differences, clusters), -1.0) if several else None,
        p=_flipped(differences, clusters, seed),
        p_method="sign_flip",
        se=_error(differences, clusters),
    )


def _ratio(
    metric: Metric, base: list[Value], tuned: list[Value], clusters: Clusters, seed: int
) -> Paired:
    before, after = (added([sums(value) for value in arm], clusters) for arm in (base, tuned))
    drawn = bootstrap(before, after, metric.ratio, seed) if len(before) > 1 else None
    return _drawn(metric, base, tuned, clusters, drawn, "swap")


def _rank(
    metric: Metric, base: list[Value], tuned: list[Value], clusters: Clusters, seed: int
) -> Paired:
    before, after = ([sums(value) for value in arm] for arm in (base, tuned))
    several = len(set(clusters)) > 1
    drawn = bootstrap_auroc(before, after, clusters, seed) if several else None
    return _drawn(metric, base, tuned, clusters, drawn, "bootstrap")


COMPARE: dict[str, Callable[[Metric, list[Value], list[Value], Clusters, int], Paired]] = {
    "binary": _binary,
    "mean": _mean,
    "ratio": _ratio,
    "rank": _rank,
}


def _drawn(
    metric: Metric,
    base: list[Value],
    tuned: list[Value],
    clusters: Clusters,
    drawn: Bootstrap | None,
    p_method: str,
) -> Paired:
    return _paired(
        metric,
        base,
        tuned,
        clusters,
        delta=metric.total(tuned) - metric.total(base),
        interval=drawn.interval if drawn else None,
        p=drawn.p if drawn else 1.0,
        p_method=p_method,
        se=drawn.se if drawn else None,
    )


def _paired(
    metric: Metric,
    base: list[Value],
    tuned: list[Value],
    clusters: Clusters,
    *,
    se: float | None,
    **found: Any,
) -> Paired:
    return Paired(
        base=metric.total(base),
        tuned=metric.total(tuned),
        se=se,
        mde=None if se is None else smallest_detectable(se),
        n=len(base),
        clusters=len(set(clusters)),
        **found,
    )


def _flipped(
    differences: list[float], clusters: Clusters, seed: int, *, mid: bool = False
) -> float:
    """The sign-flip test; a cluster changes its sign as a whole."""
    return sign_flip([d for (d,) in added([(d,) for d in differences], clusters)], seed, mid=mid)


def _error(differences: list[float], clusters: Clusters) -> float | None:
    return error_of_mean(differences, clusters) if len(set(clusters)) > 1 else None
