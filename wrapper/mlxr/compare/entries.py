"""Figures as compare.json has them."""

from __future__ import annotations

from typing import Any

from mlxr.compare.breakdown import Slice
from mlxr.compare.intervals import Interval
from mlxr.compare.result import Result
from mlxr.compare.statistics import Estimate


def metric_entry(result: Result, primary: str) -> dict[str, Any]:
    """Return one metric on both arms."""
    metric, paired = result.metric, result.paired
    return {
        "name": metric.name,
        "title": metric.title,
        "kind": metric.kind,
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
        "primary": metric.name == primary,
        "descriptive": metric.descriptive,
        "explanation": metric.explanation,
        "base": estimate_entry(result.base),
        "tuned": estimate_entry(result.tuned),
        "delta": {
            "value": paired.delta,
            "ci95": interval_entry(paired.interval),
            "method": paired.interval.method if paired.interval else None,
            "p": paired.p,
            "p_method": paired.p_method,
            "p_holm": result.p_holm,
            "se": paired.se,
            "mde80": paired.mde,
        },
        "n": paired.n,
        "clusters": paired.clusters,
        "paired": {
            "fixed": paired.fixed,
            "broken": paired.broken,
            "both": paired.both,
            "neither": paired.neither,
        },
    }


def estimate_entry(estimate: Estimate) -> dict[str, Any]:
    """Return one metric on one arm."""
    return {
        "value": estimate.value,
        "ci95": interval_entry(estimate.interval),
        "n": estimate.n,
        "unscored": estimate.unscored,
    }


def interval_entry(interval: Interval | None) -> list[float] | None:
    """Return the ends of an interval; None where there is none."""
    return [interval.low, interval.high] if interval else None


def slice_entry(each: Slice) -> dict[str, Any]:
    """Return the primary metric on one group of samples."""
    paired = each.paired
    return {
        "slice": each.name,
        "value": each.value,
        "n": paired.n,
        "clusters": paired.clusters,
        "base": paired.base,
        "tuned": paired.tuned,
        "delta": paired.delta,
        "ci95": interval_entry(paired.interval),
        "p": paired.p,
        "p_holm": each.p_holm,
    }
