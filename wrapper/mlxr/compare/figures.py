"""The figures of a case: every metric on both arms, and what answers without a model get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mlxr.compare.case import Case
from mlxr.compare.metric import Metric
from mlxr.compare.preflight import score_texts, totals
from mlxr.compare.result import Result
from mlxr.compare.sample import Output, Score
from mlxr.compare.scorers import Scorer
from mlxr.compare.statistics import Paired, compare_metric, estimate, holm
from mlxr.compare.verdict import Baseline


@dataclass(frozen=True)
class Figures:
    """What the samples of a case come to."""

    primary: Metric
    results: tuple[Result, ...]
    """The primary first."""
    baselines: Mapping[str, Mapping[str, float]]
    """Trivial answers: by name, metric to value."""

    @property
    def headline(self) -> Paired | None:
        """The primary metric; None where no sample has a score of it."""
        first = self.results[0] if self.results else None
        return first.paired if first and first.metric.name == self.primary.name else None

    @property
    def trivial(self) -> list[Baseline]:
        """What trivial answers get on the primary metric."""
        name = self.primary.name
        return [Baseline(n, v[name]) for n, v in self.baselines.items() if name in v]

    def among(self, names: Sequence[str]) -> list[tuple[Metric, Paired]]:
        """Return those of the named metrics that were measured."""
        found = {result.metric.name: result for result in self.results}
        return [(found[name].metric, found[name].paired) for name in names if name in found]


def scores(case: Case, scorer: Scorer, arm: Sequence[Output]) -> list[Score]:
    """Return the scores of one arm, each sample marked where training has seen it."""
    return [
        _marked(scorer.score(sample, replace(output, base_nll=base.nll)), case, sample.id)
        for sample, output, base in zip(case.samples, arm, case.base, strict=True)
    ]


def figures(
    case: Case,
    scorer: Scorer,
    metrics: Sequence[Metric],
    primary: Metric,
    base: Mapping[str, Score],
    tuned: Mapping[str, Score],
) -> Figures:
    """Return the figures of a case; the scores are those of its samples' ids."""
    ids = [sample.id for sample in case.samples]
    before, after = ([arm[name] for name in ids] for arm in (base, tuned))
    results = _results(case, ids, metrics, primary, before, after)
    return Figures(primary, results, _baselines(case, scorer))


def _marked(score: Score, case: Case, name: str) -> Score:
    flags = case.leaks.flag(name) if case.leaks else ()
    return replace(score, flags=(*score.flags, *flags)) if flags else score


def _results(
    case: Case,
    ids: Sequence[str],
    metrics: Sequence[Metric],
    primary: Metric,
    base: Sequence[Score],
    tuned: Sequence[Score],
) -> tuple[Result, ...]:
    clusters = case.clusters
    found = []
    for metric in sorted(metrics, key=lambda m: m.name != primary.name):
        paired = compare_metric(metric, base, tuned, ids, case.seed, clusters)
        arms = [estimate(metric, scores, ids, case.seed, clusters) for scores in (base, tuned)]
        if paired and arms[0] and arms[1]:
            found.append(Result(metric, arms[0], arms[1], paired, None))
    others = [r for r in found if r.metric.name != primary.name and not r.metric.descriptive]
    adjusted = dict(zip(map(id, others), holm([r.paired.p for r in others]), strict=True))
    return tuple(replace(result, p_holm=adjusted.get(id(result))) for result in found)


def _baselines(case: Case, scorer: Scorer) -> dict[str, dict[str, float]]:
    """Score the answers that need no model, by the same code as the arms."""
    found = {}
    for name, answer in scorer.baselines(case.train_targets).items():
        texts = [text for sample in case.samples if (text := answer(sample)) is not None]
        if texts and len(texts) == len(case.samples):
            found[name] = totals(scorer.metrics, score_texts(scorer, case.samples, texts))
    return found
