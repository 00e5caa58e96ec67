"""From two arms' outputs to a judgement: scores, statistics, baselines, alarms, verdict.

Pure: the same outputs give the same judgement, wherever they come from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from mlxr.compare.alarms import Alarm, Evidence, find_alarms
from mlxr.compare.breakdown import Slice, slices
from mlxr.compare.metric import Metric
from mlxr.compare.preflight import preflight
from mlxr.compare.sample import Output, Sample, Score
from mlxr.compare.scorers import SCORERS, Scorer, ScorerOptions
from mlxr.compare.scoring import score_all, totals, written
from mlxr.compare.statistics import (
    Estimate,
    Outcome,
    Paired,
    compare_metric,
    estimate,
    holm,
    outcome,
)
from mlxr.compare.verdict import Baseline, Rules, Verdict, decide
from mlxr.errors import MlxrError
from mlxr.recipe import Compare

GUARDRAILS = ("valid_any", "truncated")
"""Metrics that must not get worse while the primary gets better."""


@dataclass(frozen=True)
class Case:
    """All that a judgement is made from, in the order of the samples."""

    samples: Sequence[Sample]
    base: Sequence[Output]
    tuned: Sequence[Output]
    train_targets: Sequence[str]
    rules: Compare
    seed: int
    prompts: Sequence[str]
    """Hash of each prompt's tokens, the same ids being given to both arms."""
    train_loss: float | None = None
    """Last training loss of the run."""
    allow_degenerate: bool = False
    unmeasured: Collection[str] = ()
    """Metrics of which these outputs tell nothing."""


@dataclass(frozen=True)
class Result:
    """One metric on both arms."""

    metric: Metric
    base: Estimate
    tuned: Estimate
    paired: Paired
    p_holm: float | None
    """Adjusted for all metrics that are tested, but the primary, which was named before."""


@dataclass(frozen=True)
class Judged:
    """One sample in both arms."""

    sample: Sample
    base: Output
    tuned: Output
    base_score: Score
    tuned_score: Score
    outcome: Outcome


@dataclass(frozen=True)
class Judgement:
    """What a comparison found."""

    signature: str
    primary: Metric
    results: tuple[Result, ...]
    """The primary first."""
    baselines: Mapping[str, Mapping[str, float]]
    """Trivial answers: by name, metric to value."""
    ceilings: Mapping[str, float]
    """Metrics on which the expected answers themselves do not get full marks."""
    slices: tuple[Slice, ...]
    """The primary metric by category and by the scorer's own groups."""
    alarms: tuple[Alarm, ...]
    verdict: Verdict
    judged: tuple[Judged, ...]

    @property
    def worst(self) -> list[Judged]:
        """The samples that lost most on the primary metric, worst first."""
        lost = [j for j in self.judged if j.outcome in {"broken", "loss"}]
        return sorted(lost, key=self.gain)

    def gain(self, judged: Judged) -> float:
        """Return how much a scored sample gained on the primary metric; less than 0: it lost."""
        name, metric = self.primary.name, self.primary
        gain = metric.of(judged.tuned_score.values[name]) - metric.of(
            judged.base_score.values[name]
        )
        return gain if metric.higher_is_better else -gain


def make_scorer(rules: Compare, train_targets: Sequence[str]) -> Scorer:
    """Return the scorer of a recipe's [compare] table."""
    options = ScorerOptions(
        fields=dict(rules.fields),
        day_first=rules.day_first,
        desirable=rules.desirable,
        train_targets=tuple(train_targets),
    )
    return SCORERS[rules.task](options)


def primary_metric(rules: Compare, scorer: Scorer) -> Metric:
    """Return the metric that the verdict is about; raises MlxrError on an unknown name."""
    metrics = {metric.name: metric for metric in scorer.metrics if not metric.descriptive}
    name = rules.primary or scorer.primary
    if name in metrics:
        return metrics[name]
    close = get_close_matches(name, metrics, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"Metrics: {', '.join(metrics)}."
    raise MlxrError(f"compare.primary = {name!r} is no metric of task {rules.task!r}.", hint)


def judge(case: Case) -> Judgement:
    """Return the judgement of a case."""
    scorer = make_scorer(case.rules, case.train_targets)
    primary = primary_metric(case.rules, scorer)
    metrics = [metric for metric in scorer.metrics if metric.name not in case.unmeasured]
    answers = _trivial(case, scorer)
    scores = score_all(
        scorer,
        case.samples,
        {
            "base": _with_base_nll(case, case.base),
            "tuned": _with_base_nll(case, case.tuned),
            "target": written(sample.target for sample in case.samples),
            **{name: written(texts) for name, texts in answers.items()},
        },
    )
    base, tuned = scores["base"], scores["tuned"]
    results = _results(case, metrics, primary, base, tuned)
    baselines = {name: totals(scorer.metrics, scores[name]) for name in answers}
    trivial = [Baseline(n, v[primary.name]) for n, v in baselines.items() if primary.name in v]
    alarms = _alarms(case, metrics, primary, trivial, base, tuned)
    expected = preflight(case.samples, scorer, primary, scores["target"])
    by_name = {result.metric.name: result for result in results}
    found = by_name.get(primary.name)
    verdict = decide(
        primary,
        found.paired if found else None,
        alarms=alarms,
        problems=expected.problems,
        baselines=trivial,
        guardrails=[(by_name[n].metric, by_name[n].paired) for n in GUARDRAILS if n in by_name],
        rules=Rules(case.rules.min_effect, case.rules.equivalence_margin, case.allow_degenerate),
    )
    judged = tuple(
        Judged(s, b, t, bs, ts, outcome(primary, bs, ts))
        for s, b, t, bs, ts in zip(case.samples, case.base, case.tuned, base, tuned, strict=True)
    )
    parts = slices(primary, case.samples, base, tuned, _clusters(case), case.seed)
    return Judgement(
        scorer.signature,
        primary,
        results,
        baselines,
        expected.ceilings,
        parts,
        alarms,
        verdict,
        judged,
    )


def _with_base_nll(case: Case, arm: Sequence[Output]) -> Iterator[Output]:
    return (replace(o, base_nll=b.nll) for o, b in zip(arm, case.base, strict=True))


def _trivial(case: Case, scorer: Scorer) -> dict[str, list[str]]:
    """The answers that need no model, by name; only where every sample has one."""
    found = {
        name: [text for sample in case.samples if (text := answer(sample)) is not None]
        for name, answer in scorer.baselines(case.train_targets).items()
    }
    return {name: texts for name, texts in found.items() if len(texts) == len(case.samples)}


def _clusters(case: Case) -> list[str]:
    """What each sample belongs to; without a name for it, its prompt.

    Greedy answers to one prompt are one answer, however many rows ask for it.
    """
    return [s.cluster or p for s, p in zip(case.samples, case.prompts, strict=True)]


def _results(
    case: Case,
    metrics: Sequence[Metric],
    primary: Metric,
    base: Sequence[Score],
    tuned: Sequence[Score],
) -> tuple[Result, ...]:
    ids, clusters = [sample.id for sample in case.samples], _clusters(case)
    found = []
    for metric in sorted(metrics, key=lambda m: m.name != primary.name):
        paired = compare_metric(metric, base, tuned, ids, case.seed, clusters)
        arms = [estimate(metric, scores, ids, case.seed, clusters) for scores in (base, tuned)]
        if paired and arms[0] and arms[1]:
            found.append(Result(metric, arms[0], arms[1], paired, None))
    others = [r for r in found if r.metric.name != primary.name and not r.metric.descriptive]
    adjusted = dict(zip(map(id, others), holm([r.paired.p for r in others]), strict=True))
    return tuple(replace(result, p_holm=adjusted.get(id(result))) for result in found)


def _alarms(
    case: Case,
    metrics: Sequence[Metric],
    primary: Metric,
    trivial: Sequence[Baseline],
    base: Sequence[Score],
    tuned: Sequence[Score],
) -> tuple[Alarm, ...]:
    values = [baseline.value for baseline in trivial]
    best = (max if primary.higher_is_better else min)(values, default=None)
    return find_alarms(
        Evidence(
            samples=case.samples,
            base=case.base,
            tuned=case.tuned,
            base_scores=base,
            tuned_scores=tuned,
            metrics=metrics,
            base_prompts=case.prompts,
            tuned_prompts=case.prompts,
            train_loss=case.train_loss,
            primary=primary,
            baseline=best,
        )
    )
