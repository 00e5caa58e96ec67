"""From two arms' outputs to a judgement: scores, statistics, baselines, alarms, verdict.

Pure: the same outputs give the same judgement, wherever they come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from mlxr.compare.alarms import Alarm, Evidence, find_alarms
from mlxr.compare.breakdown import Slice, slices
from mlxr.compare.case import Case
from mlxr.compare.clean import said
from mlxr.compare.figures import Figures, figures, score_case
from mlxr.compare.forgetting import Forgetting
from mlxr.compare.leaks import Leaks
from mlxr.compare.metric import Metric
from mlxr.compare.preflight import preflight
from mlxr.compare.refereed import Refereed
from mlxr.compare.result import Result
from mlxr.compare.sample import Output, Sample, Score
from mlxr.compare.scorers import SCORERS, Scorer, ScorerOptions
from mlxr.compare.statistics import Outcome, outcome
from mlxr.compare.verdict import Baseline, Rules, Verdict, decide
from mlxr.errors import MlxrError
from mlxr.recipe import Compare

GUARDRAILS = ("valid_any", "truncated")
"""Metrics that must not get worse while the primary gets better."""


@dataclass(frozen=True)
class Judged:
    """One sample in both arms."""

    sample: Sample
    base: Output
    tuned: Output
    base_score: Score
    tuned_score: Score
    outcome: Outcome
    preferred: str | None = None
    """By a referee: base, tuned, tie or error; None where none was asked."""


@dataclass(frozen=True)
class Judgement:
    """What a comparison found."""

    signature: str
    primary: Metric
    results: tuple[Result, ...]
    """On all samples, the primary first."""
    headline: tuple[Result, ...]
    """What the verdict is about: the primary on all samples or, where training has seen many,
    on the others; empty if none has a score."""
    baselines: Mapping[str, Mapping[str, float]]
    """Trivial answers: by name, metric to value."""
    ceilings: Mapping[str, float]
    """Metrics on which the expected answers themselves do not get full marks."""
    slices: tuple[Slice, ...]
    """The primary metric by category and by the scorer's own groups."""
    alarms: tuple[Alarm, ...]
    verdict: Verdict
    judged: tuple[Judged, ...]
    leaks: Leaks | None
    """Which samples training has seen; None: nobody looked."""
    clean: Figures | None
    """The figures without those; None if there are none."""
    forgetting: Forgetting | None
    """What was measured beside the task; None: nothing."""
    refereed: Refereed | None
    """What a local model says of both arms; None: none was asked."""

    @property
    def right(self) -> bool | None:
        """Whether the tuned model wrote any expected answer; None where that was not measured."""
        found = [r.paired for r in self.results if r.metric.name == "exact" and r.paired]
        return found[0].tuned > 0 if found else None

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
    scores = score_case(case, scorer)
    base, tuned = scores["base"], scores["tuned"]
    ids = [sample.id for sample in case.samples]
    by_id = {name: dict(zip(ids, arm, strict=True)) for name, arm in scores.items()}
    whole = figures(case, scorer, metrics, primary, by_id)
    clean = None
    if case.leaks and case.leaks.ids:
        clean = figures(case.less(case.leaks.ids), scorer, metrics, primary, by_id)
    ruling = clean if clean and case.leaks and case.leaks.many else whole
    beside = case.forgetting
    alarms = _alarms(case, metrics, primary, whole.trivial, base, tuned)
    alarms += beside.alarms if beside else ()
    expected = preflight(case.samples, scorer, primary, scores["target"])
    verdict = decide(
        primary,
        ruling.headline,
        alarms=alarms,
        problems=expected.problems,
        baselines=ruling.trivial,
        guardrails=ruling.among(GUARDRAILS) + (beside.guardrails if beside else []),
        rules=Rules(case.rules.min_effect, case.rules.equivalence_margin, case.allow_degenerate),
        notes=[*_written(primary, ruling.results), *said(case.leaks, whole, clean)],
    )
    judged = tuple(
        Judged(s, b, t, bs, ts, outcome(primary, bs, ts), _preferred(case, s))
        for s, b, t, bs, ts in zip(case.samples, case.base, case.tuned, base, tuned, strict=True)
    )
    return Judgement(
        signature=scorer.signature,
        primary=primary,
        results=whole.results,
        headline=ruling.results[:1] if ruling.headline else (),
        baselines=whole.baselines,
        ceilings=expected.ceilings,
        slices=slices(primary, case.samples, base, tuned, case.clusters, case.seed),
        alarms=alarms,
        verdict=verdict,
        judged=judged,
        leaks=case.leaks,
        clean=clean,
        forgetting=beside,
        refereed=case.refereed,
    )


def _written(primary: Metric, results: Sequence[Result]) -> list[str]:
    """Return what a verdict about likelihood leaves open: whether the answers are right."""
    exact = next((r for r in results if r.metric.name == "exact" and r.paired), None)
    if not primary.likelihood or exact is None or exact.paired is None:
        return []
    base, tuned = exact.metric.show(exact.paired.base), exact.metric.show(exact.paired.tuned)
    return [f"That is likelihood, not what it writes: exact match {base} → {tuned}."]


def _preferred(case: Case, sample: Sample) -> str | None:
    return case.refereed.preferred(sample.id) if case.refereed else None


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
