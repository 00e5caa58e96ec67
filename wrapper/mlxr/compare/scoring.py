"""Every text held against its target: what the arms wrote, the target itself, trivial answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Sample, Score
from mlxr.compare.scorers import Scorer


def score_all(
    scorer: Scorer, samples: Sequence[Sample], outputs: Mapping[str, Iterable[Output]]
) -> dict[str, list[Score]]:
    """Return the scores of each arm's outputs, one for each sample.

    Goes sample by sample, not arm by arm: what a measure makes of a target, its words or its
    runs of letters, is then still at hand for the next arm.
    """
    rows = [
        [scorer.score(sample, output) for output in written]
        for sample, *written in zip(samples, *outputs.values(), strict=True)
    ]
    return {arm: [row[place] for row in rows] for place, arm in enumerate(outputs)}


def written(texts: Iterable[str]) -> Iterable[Output]:
    """Yield outputs that no model wrote."""
    return (
        Output(
            text=text,
            tokens=0,
            finish="stop",
            nll=None,
            target_tokens=0,
            target_bytes=0,
            prompt_tokens=0,
            decode_seconds=None,
        )
        for text in texts
    )


def totals(metrics: Sequence[Metric], scores: Sequence[Score]) -> dict[str, float]:
    """Return every metric over the scores that have it, by name."""
    columns = {m: [s.values[m.name] for s in scores if m.name in s.values] for m in metrics}
    return {metric.name: metric.total(values) for metric, values in columns.items() if values}
