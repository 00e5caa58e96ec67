"""How sure a difference is: a metric on both arms, sample by sample.

Pass/fail metrics take Newcombe's interval and McNemar's mid-p; means Student's t and sign-flips;
ratios of sums and ranks the paired bootstrap. Samples of one cluster count as one observation.
The choice is measured: on paired data with few samples or few errors, the usual normal and
bootstrap intervals cover far less than they promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlxr.compare.clusters import Clusters, added, effective_n
from mlxr.compare.intervals import Interval, student_t, wilson
from mlxr.compare.metric import Metric, number, sums
from mlxr.compare.paired import COMPARE, Paired, within_shares
from mlxr.compare.ranking import bootstrap_auroc_one, both_labels
from mlxr.compare.resampling import bootstrap_one
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
]

Outcome = Literal["fixed", "broken", "both", "neither", "win", "loss", "tie", "unscored"]


@dataclass(frozen=True)
class Estimate:
    """A metric on one arm; `interval` is None where one sample is all there is."""

    value: float
    interval: Interval | None
    n: int
    unscored: int


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number, in the same order (Holm 1979)."""
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for rank, i in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = highest
    return adjusted


def compare_metric(
    metric: Metric,
    base_scores: Sequence[Score],
    tuned_scores: Sequence[Score],
    ids: Sequence[str],
    seed: int,
    clusters: Sequence[str] | None = None,
) -> Paired | None:
    """Return a metric on both arms and how sure their difference is.

    Samples unscored in either arm are left out; None if that leaves none, or nothing to rank.
    Samples of one cluster are not taken for independent. The order of the samples has no
    influence. Raises ValueError on an id that occurs twice.
    """
    if len(set(ids)) < len(ids):
        raise ValueError("sample ids are not unique")
    rows = sorted(
        zip(ids, clusters or ids, base_scores, tuned_scores, strict=True), key=lambda row: row[0]
    )
    name = metric.name
    kept = [row for row in rows if name in row[2].values and name in row[3].values]
    base, tuned = [row[2].values[name] for row in kept], [row[3].values[name] for row in kept]
    if not kept or (metric.kind == "rank" and not both_labels([sums(v) for v in tuned])):
        return None
    return COMPARE[metric.kind](metric, base, tuned, [row[1] for row in kept], seed)


def estimate(
    metric: Metric,
    scores: Sequence[Score],
    ids: Sequence[str],
    seed: int,
    clusters: Sequence[str] | None = None,
) -> Estimate | None:
    """Return a metric on one arm with its interval; None if no sample is scored."""
    rows = sorted(zip(ids, clusters or ids, scores, strict=True), key=lambda row: row[0])
    kept = [row for row in rows if metric.name in row[2].values]
    values, groups = [row[2].values[metric.name] for row in kept], [row[1] for row in kept]
    if not values:
        return None
    interval = None
    if metric.kind == "binary":
        marks = [float(value == 1) for value in values]
        worth = effective_n(marks, groups)
        interval = wilson(sum(marks) * (worth / len(marks)), worth)
    elif len(set(groups)) > 1:
        interval = _spread(metric, values, groups, seed)
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


def _spread(metric: Metric, values: list[Value], clusters: Clusters, seed: int) -> Interval:
    if metric.kind == "mean":
        return within_shares(metric, student_t([number(value) for value in values], clusters), 0.0)
    rows = [sums(value) for value in values]
    if metric.kind == "rank":
        return bootstrap_auroc_one(rows, clusters, seed)
    return bootstrap_one(added(rows, clusters), metric.ratio, seed)
