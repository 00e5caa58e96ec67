"""The verdict: one code and one paragraph about the primary metric, fixed before the run.

Interval and p must agree; where they do not, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mlxr.compare.alarms import Alarm
from mlxr.compare.metric import Metric
from mlxr.compare.statistics import Paired
from mlxr.power import VERDICT, samples_needed

Code = Literal[
    "BLOCKED", "BELOW_TRIVIAL_BASELINE", "IMPROVED", "REGRESSED", "EQUIVALENT", "INCONCLUSIVE"
]

COVERS = (
    "The interval covers the choice of test examples only. It does not cover training-seed "
    "variance (one fine-tuning run) or other prompts."
)
FEW = "With fewer than 30 examples the interval is likely too narrow."


@dataclass(frozen=True)
class Baseline:
    """What an answer that needs no model scores on the primary metric."""

    name: str
    value: float


@dataclass(frozen=True)
class Rules:
    """What the recipe asks of a difference, in units of the primary metric."""

    min_effect: float = 0.0
    """Smallest gain worth having."""
    equivalence_margin: float | None = None
    allow_degenerate: bool = False
    """Red alarms do not block, but for ARM_MISMATCH."""


@dataclass(frozen=True)
class Verdict:
    """What a comparison came to."""

    code: Code
    primary: str
    """Name of the primary metric."""
    text: str
    """The verdict in words, with figures."""
    blockers: tuple[str, ...] = ()
    """Codes of red alarms, and other reasons in words."""
    guardrails: tuple[str, ...] = ()
    """Names of the guardrail metrics that became worse."""

    @property
    def label(self) -> str:
        """The verdict in a few capitals: "IMPROVED WITH REGRESSIONS"."""
        return self.code.replace("_", " ") + (" WITH REGRESSIONS" if self.guardrails else "")


def decide(
    metric: Metric,
    paired: Paired | None,
    *,
    alarms: Sequence[Alarm] = (),
    problems: Sequence[str] = (),
    baselines: Sequence[Baseline] = (),
    guardrails: Sequence[tuple[Metric, Paired]] = (),
    rules: Rules = Rules(),
    notes: Sequence[str] = (),
) -> Verdict:
    """Return the verdict on `metric`, the primary.

    `problems` are other reasons for no verdict, each a sentence, as are `notes`, which only add
    to it; `paired` is None if no sample has a score. Guardrails count only as whole intervals on
    the bad side.
    """
    worse = [(m, found) for m, found in guardrails if _gain(m, found)[1] < 0]
    red = [a for a in alarms if a.level == "red"]
    if rules.allow_degenerate:
        red = [a for a in red if a.code == "ARM_MISMATCH"]
    reasons = [*problems, *_too_few(metric, paired)]
    best = _best(metric, baselines)
    if red or reasons or paired is None:
        code: Code = "BLOCKED"
        said = " ".join(["No verdict.", *reasons, *(f"{a.code}: {a.message}" for a in red)])
    elif best and not metric.better(paired.tuned, best.value):
        code = "BELOW_TRIVIAL_BASELINE"
        said = _below(metric, paired, best)
    else:
        code = _code(metric, paired, rules)
        said = _said(code, metric, paired, rules)
    figures = [_figures(metric, paired), *_notes(paired)] if paired else []
    text = " ".join([said, *figures, *notes, *_regressions(worse), COVERS])
    names = tuple(m.name for m, _ in worse)
    return Verdict(code, metric.name, text, (*(a.code for a in red), *reasons), names)


def exit_code(verdict: Verdict, fail_on: Collection[str] = ()) -> int:
    """Return 4 if blocked; 3 if worse, by a guardrail too, or named in `fail_on`; else 0.

    Not to beat a trivial baseline counts as worse. `fail_on` takes codes in either case.
    """
    if verdict.code == "BLOCKED":
        return 4
    failing = {"REGRESSED", "BELOW_TRIVIAL_BASELINE", *(code.upper() for code in fail_on)}
    return 3 if verdict.guardrails or verdict.code in failing else 0


def _code(metric: Metric, paired: Paired, rules: Rules) -> Code:
    low, high = _gain(metric, paired)
    sure = paired.p < 0.05
    if low > 0 and sure and abs(paired.delta) >= rules.min_effect:
        return "IMPROVED"
    if high < 0 and sure:
        return "REGRESSED"
    margin = rules.equivalence_margin
    if margin is not None and -margin <= low and high <= margin:
        return "EQUIVALENT"
    return "INCONCLUSIVE"


def _gain(metric: Metric, paired: Paired) -> tuple[float, float]:
    """The interval turned so that more is better."""
    if paired.interval is None:
        return float("-inf"), float("inf")
    low, high = paired.interval.low, paired.interval.high
    return (low, high) if metric.higher_is_better else (-high, -low)


def _too_few(metric: Metric, paired: Paired | None) -> list[str]:
    n = paired.n if paired else 0
    if n >= VERDICT and paired and paired.clusters < VERDICT:
        return [
            f"The {n} samples are of only {paired.clusters} independent groups (clusters, or "
            f"samples with one prompt); at least {VERDICT} are needed."
        ]
    if n >= VERDICT:
        return []
    return [f"Only {n} samples have a score of {metric.title}; at least {VERDICT} are needed."]


def _best(metric: Metric, baselines: Sequence[Baseline]) -> Baseline | None:
    best: Baseline | None = None
    for baseline in baselines:
        if best is None or metric.better(baseline.value, best.value):
            best = baseline
    return best


def _said(code: Code, metric: Metric, paired: Paired, rules: Rules) -> str:
    if code in {"IMPROVED", "REGRESSED"} and metric.likelihood:
        return f"The tuned model finds the expected answers {_LIKELIER[code]} likely."
    if code == "IMPROVED":
        return "The tuned model is better."
    if code == "REGRESSED":
        return "The tuned model is worse."
    if code == "EQUIVALENT":
        margin = _size(metric, rules.equivalence_margin or 0)
        return f"Tuned and base are equally good: the interval lies within ±{margin}."
    low, high = _gain(metric, paired)
    sure = paired.p < 0.05
    if low > 0 and sure:
        wanted = _size(metric, rules.min_effect)
        return f"A gain can be claimed, but not one of {wanted} (min_effect)."
    if sure or low > 0 or high < 0:
        borderline = "No difference can be claimed: a borderline case, interval and test disagree."
        return f"{borderline} {_more(metric, paired, rules)}"
    return f"No difference can be claimed. {_more(metric, paired, rules)}"


_LIKELIER: Mapping[Code, str] = {"IMPROVED": "more", "REGRESSED": "less"}


def _more(metric: Metric, paired: Paired, rules: Rules) -> str:
    """What this test set could have shown, and how large one would have to be."""
    if not paired.se or paired.mde is None:
        return "More test examples, or harder ones, may show one."
    could = f"This test could have shown about {_size(metric, paired.mde)}"
    delta = rules.min_effect or abs(paired.delta)
    if not delta:
        return f"{could}."
    n = samples_needed(paired.se * paired.n**0.5, delta)
    shown = _size(metric, delta)
    if n <= paired.n:
        return f"{could}; its size suffices for {shown}."
    return f"{could}; for {shown} about {n} test examples are needed."


def _size(metric: Metric, delta: float) -> str:
    """A difference without its sign."""
    return metric.show_delta(abs(delta)).lstrip("+")


def _below(metric: Metric, paired: Paired, best: Baseline) -> str:
    return (
        f"The tuned model does not beat an answer that needs no model: {metric.title} is "
        f"{metric.show(paired.tuned)}, and {metric.show(best.value)} for the trivial baseline "
        f"{best.name}. Read some outputs beside their targets before training again."
    )


def _figures(metric: Metric, paired: Paired) -> str:
    verb = "stayed at" if paired.delta == 0 else "rose" if paired.delta > 0 else "fell"
    if paired.delta:
        moved = f"{verb} from {metric.bare(paired.base)} to {metric.show(paired.tuned)}"
    else:
        moved = f"{verb} {metric.show(paired.tuned)}"
    groups = f" in {paired.clusters} clusters" if paired.clusters < paired.n else ""
    sure = f"p {chance(paired.p)}, n = {paired.n}{groups}"
    if paired.interval:
        low, high = metric.bare_delta(paired.interval.low), metric.bare_delta(paired.interval.high)
        sure = f"95 % interval {low} to {high}, {sure}"
    head = metric.title[:1].upper() + metric.title[1:]
    return f"{head} {moved} ({metric.show_delta(paired.delta)}; {sure})."


def _notes(paired: Paired) -> list[str]:
    """What the figures alone would leave open."""
    notes = []
    if paired.fixed is not None and paired.broken is not None:
        if paired.fixed == paired.broken == 0:
            share = 100 * (1 - 0.05 ** (1 / paired.clusters))
            notes.append(
                f"The result is identical on all {paired.n}; the share of cases that differ "
                f"is below {share:.1f} %."
            )
        else:
            notes.append(f"{paired.fixed} fixed, {paired.broken} broken.")
    elif paired.clusters < 30:
        notes.append(FEW)
    return notes


def _regressions(worse: Sequence[tuple[Metric, Paired]]) -> list[str]:
    if not worse:
        return []
    each = (
        f"{metric.title} {metric.show(found.base)} → {metric.show(found.tuned)}"
        for metric, found in worse
    )
    return [f"With regressions: {'; '.join(each)}."]


def chance(p: float) -> str:
    """Return a p value as a sentence has it after "p": "= 0.031"."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
