"""The expected answers held against themselves: what does not get full marks there says nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Sample, Score
from mlxr.compare.scorers import Scorer
from mlxr.compare.scoring import totals


@dataclass(frozen=True)
class Preflight:
    """What the expected answers themselves come to."""

    problems: tuple[str, ...]
    """Why no verdict on the primary metric could be trusted, each a sentence."""
    ceilings: dict[str, float]
    """What they score on metrics of which they do not get the most, by name."""


def preflight(
    samples: Sequence[Sample], scorer: Scorer, primary: Metric, scores: Sequence[Score]
) -> Preflight:
    """Return what is wrong with the expected answers, whose scores are given.

    One that cannot be scored, or does not get full marks on the primary metric, means that
    scorer and data do not fit.
    """
    for sample in samples:
        if reason := scorer.check(sample):
            said = f"The expected answer of sample {sample.id} cannot be scored: {reason}."
            return Preflight((said,), {})
    reached = totals(scorer.metrics, scores)
    short = {
        metric.name: reached[metric.name]
        for metric in scorer.metrics
        if metric.name in reached and _falls_short(metric, reached[metric.name])
    }
    if primary.name not in short:
        return Preflight((), short)
    share = primary.show(short[primary.name])
    said = f"The expected answers themselves score {share} on {primary.title}, not 100 %."
    return Preflight((said,), short)


def _falls_short(metric: Metric, value: float) -> bool:
    """Whether a share, of which more is better, is not 1."""
    if metric.unit or metric.descriptive or not metric.higher_is_better:
        return False
    return not math.isclose(value, 1, abs_tol=1e-9)
