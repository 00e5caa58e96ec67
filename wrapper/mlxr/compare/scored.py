"""Figures without a verdict: how both arms do on rows that judge nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlxr.compare.judge import Case, arm_scores, make_scorer, primary_metric
from mlxr.compare.metric import Metric
from mlxr.compare.preflight import totals

SCHEMA = "mlxr.scores/1"


@dataclass(frozen=True)
class Scored:
    """Every metric of two arms, by name."""

    primary: Metric
    base: Mapping[str, float]
    tuned: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return what scores.json says of it."""
        return {
            "schema": SCHEMA,
            "primary": self.primary.name,
            "base": dict(self.base),
            "tuned": dict(self.tuned),
        }


def scored(case: Case) -> Scored:
    """Return the metrics of a case, by the scorer that would judge it."""
    scorer = make_scorer(case.rules, case.train_targets)
    base, tuned = (
        totals(scorer.metrics, arm_scores(scorer, case, arm)) for arm in (case.base, case.tuned)
    )
    return Scored(primary_metric(case.rules, scorer), base, tuned)
