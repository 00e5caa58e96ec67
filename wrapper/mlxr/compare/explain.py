"""The rule behind a number: `mlxr compare --explain METRIC`; and the codes of --fail-on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import get_args

from mlxr.compare.forgetting import FOLLOWED, METRICS
from mlxr.compare.judge import GUARDRAILS
from mlxr.compare.metric import Kind, Metric
from mlxr.compare.refereed import HOW, WIN_RATE
from mlxr.compare.scorers import SCORERS, Scorer, ScorerOptions
from mlxr.compare.verdict import Code
from mlxr.errors import MlxrError

KINDS: dict[Kind, str] = {
    "binary": "Each sample is right or wrong (1 or 0); the number is the share of ones. The 95 % "
    "interval of the difference is Newcombe's for paired shares (1998, method 10), p is McNemar's "
    "mid-p; an arm alone has Wilson's interval.",
    "mean": "Each sample has a number; theirs is the mean. The 95 % interval of the difference is "
    "Student's t of the samples' differences, p comes from flipping their signs.",
    "ratio": "Each sample adds to sums, which are divided at the end, so that long answers weigh "
    "more than short ones. The 95 % interval is a paired bootstrap over samples, p comes from "
    "swapping base and tuned within samples.",
    "rank": "Samples are put in an order; the number is how often one that is due high stands "
    "above one that is due low (AUROC; a half is chance). Interval and p are a paired bootstrap "
    "over samples, p not below Student's t of the same standard error.",
}
"""How samples become one number, and how sure the difference is."""


BESIDE = "all, beside the task (compare.forgetting)"


@dataclass(frozen=True)
class Explanation:
    """What is to be said of one metric."""

    metric: Metric
    tasks: tuple[str, ...]
    """The tasks that have it."""
    primary_of: tuple[str, ...]
    """Those whose verdict is about it, unless the recipe names another."""
    signatures: tuple[str, ...]
    """The rules of reading and comparing in force, one for each task."""
    guardrail: bool

    @property
    def paragraphs(self) -> list[str]:
        """The explanation in sentences."""
        metric = self.metric
        way = "more is better" if metric.higher_is_better else "less is better"
        if metric.descriptive:
            way = "shown, never tested: neither more nor less of it is better by itself"
        said = [f"{metric.name}: {metric.title} ({metric.unit or 'a share'}; {way}).",
                metric.explanation, HOW if metric == WIN_RATE else KINDS[metric.kind]]  # fmt: skip
        if metric.tie_band:
            said.append(f"Two answers closer than {metric.tie_band:g} to each other are equal.")
        if self.guardrail:
            said.append("It is a guardrail: where it gets worse for sure, the verdict says so.")
        said.append("Samples of one cluster, or with one prompt, count as one observation.")
        first = f", the verdict's of {', '.join(self.primary_of)}" if self.primary_of else ""
        said.append(f"Tasks: {', '.join(self.tasks)}{first}.")
        return [*said, *(f"Rules: {signature}" for signature in self.signatures)]


def explained(name: str) -> list[Explanation]:
    """Return what is to be said of `name`, once for each meaning that tasks give it.

    Raises MlxrError when there is no such metric.
    """
    # A field of one's own, because the fields of records are the data's.
    options = ScorerOptions(fields={"FIELD": "text"})
    scorers: dict[str, Scorer] = {task: make(options) for task, make in SCORERS.items()}
    every = [(metric, task) for task, each in scorers.items() for metric in each.metrics]
    every += [(metric, BESIDE) for metric in METRICS]
    every.append((WIN_RATE, "all, with --judge"))
    meanings: dict[Metric, list[str]] = {}
    for metric, task in every:
        if metric.name == name:
            meanings.setdefault(metric, []).append(task)
    if not meanings:
        known = dict.fromkeys(metric.name for metric, _ in every)
        close = get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Metrics: {', '.join(sorted(known))}."
        raise MlxrError(f"There is no metric {name!r}.", hint)
    return [
        Explanation(
            metric=metric,
            tasks=tuple(tasks),
            primary_of=tuple(t for t in tasks if t in scorers and scorers[t].primary == name),
            signatures=tuple(scorers[task].signature for task in tasks if task in scorers),
            guardrail=name in {*GUARDRAILS, FOLLOWED.name},
        )
        for metric, tasks in meanings.items()
    ]


def parse_codes(texts: Sequence[str]) -> set[str]:
    """Return ["regressed,inconclusive"] as verdict codes; raises MlxrError on another word."""
    known = get_args(Code)
    found = {part.strip().upper() for text in texts for part in text.split(",")}
    if unknown := sorted(found - set(known)):
        names = ", ".join(code.lower() for code in known)
        raise MlxrError(f"--fail-on knows no verdict {unknown[0].lower()!r}.", f"Verdicts: {names}")
    return found
