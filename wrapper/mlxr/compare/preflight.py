"""The expected answers held against themselves: what does not get full marks there says nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Sample, Score
from mlxr.compare.scorers import Scorer


@dataclass(frozen=True)
class Preflight:
    """What the expected answers themselves come to."""

    problems: tuple[str, ...]
    """Why no verdict on the primary metric could be trusted, each a sentence."""
    ceilings: dict[str, float]
    """What they score on metrics of which they do not get the most, by name."""


def preflight(samples: Sequence[Sample], scorer: Scorer, primary: Metric) -> Preflight:
    """Return what is wrong with the expected answers, as far as the scorer can tell.

    One that cannot be scored, or does not get full marks on the primary metric, means that
    scorer and data do not fit.
    """
    for sample in samples:
        if reason := scorer.check(sample):
            said = f"The expected answer of sample {sample.id} cannot be scored: {reason}."
            return Preflight((said,), {})
    scores = score_texts(scorer, samples, [sample.target for sample in samples])
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


def score_texts(scorer: Scorer, samples: Sequence[Sample], texts: Sequence[str]) -> list[Score]:
    """Return the scores of texts that no model wrote, one for each sample."""
    pairs = zip(samples, texts, strict=True)
    return [scorer.score(sample, _written(text)) for sample, text in pairs]


def totals(metrics: Sequence[Metric], scores: Sequence[Score]) -> dict[str, float]:
    """Return every metric over the scores that have it, by name."""
    columns = {m: [s.values[m.name] for s in scores if m.name in s.values] for m in metrics}
    return {metric.name: metric.total(values) for metric, values in columns.items() if values}


def _falls_short(metric: Metric, value: float) -> bool:
    """Whether a share, of which more is better, is not 1."""
    if metric.unit or metric.descriptive or not metric.higher_is_better:
        return False
    return not math.isclose(value, 1, abs_tol=1e-9)


def _written(text: str) -> Output:
    return Output(
        text=text,
        tokens=0,
        finish="stop",
        nll=None,
        target_tokens=0,
        target_bytes=0,
        prompt_tokens=0,
        prompt_seconds=None,
        decode_seconds=None,
    )
