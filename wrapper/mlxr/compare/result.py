"""One metric on both arms."""

from __future__ import annotations

from dataclasses import dataclass

from mlxr.compare.metric import Metric
from mlxr.compare.statistics import Estimate, Paired


@dataclass(frozen=True)
class Result:
    """One metric on both arms."""

    metric: Metric
    base: Estimate
    tuned: Estimate
    paired: Paired
    p_holm: float | None
    """Adjusted for all metrics that are tested, but the primary, which was named before."""
