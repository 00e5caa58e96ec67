"""The figures of a case: every metric on both arms, and what answers without a model get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mlxr.compare.case import Case
from mlxr.compare.metric import Metric
from mlxr.compare.result import Result
from mlxr.compare.sample import Output, Score
from mlxr.compare.scorers import Scorer
from mlxr.compare.scoring import score_all, totals, written
from mlxr.compare.statistics import Paired, compare_metric, estimate, holm
from mlxr.compare.verdict import Baseline
from mlxr.loaded import ARMS


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


def score_case(case: Case, scorer: Scorer) -> dict[str, list[Score]]:
    """Return all scores of a case: of base and tuned, the target, and answers without a model.

    Those of base and tuned are marked where training has seen the sample.
    """
    found = score_all(
        scorer,
        case.samples,
        {
            **answered(case),
            "target": written(sample.target for sample in case.samples),
            **{name: written(texts) for name, texts in _trivial(case, scorer).items()},
        },
    )
    ids = [sample.id for sample in case.samples]
    marked = {
        arm: [_marked(each, case, name) for each, name in zip(found[arm], ids, strict=True)]
        for arm in ARMS
    }
    return found | marked


def answered(case: Case) -> dict[str, Iterator[Output]]:
    """Return what each arm wrote; a reward is measured against the base."""
    return {
        name: (replace(o, base_nll=b.nll) for o, b in zip(arm, case.base, strict=True))
        for name, arm in (("base", case.base), ("tuned", case.tuned))
    }


def figures(
    case: Case,
    scorer: Scorer,
    metrics: Sequence[Metric],
    primary: Metric,
    scores: Mapping[str, Mapping[str, Score]],
) -> Figures:
    """Return the figures of a case; the scores are by who wrote, then by sample."""
    ids = [sample.id for sample in case.samples]
    found = {name: [arm[one] for one in ids] for name, arm in scores.items()}
    base, tuned, _ = (found.pop(name) for name in ("base", "tuned", "target"))
    baselines = {name: totals(scorer.metrics, each) for name, each in found.items()}
    return Figures(primary, _results(case, ids, metrics, primary, base, tuned), baselines)


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


def _trivial(case: Case, scorer: Scorer) -> dict[str, list[str]]:
    """The answers that need no model, by name; only where every sample has one."""
    found = {
        name: [text for sample in case.samples if (text := answer(sample)) is not None]
        for name, answer in scorer.baselines(case.train_targets).items()
    }
    return {name: texts for name, texts in found.items() if len(texts) == len(case.samples)}
