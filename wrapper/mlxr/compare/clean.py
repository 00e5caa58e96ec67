"""The verdict beside test rows that training has seen: what it is without them."""

from __future__ import annotations

from mlxr.compare.figures import Figures
from mlxr.compare.leaks import Leaks
from mlxr.compare.metric import Metric
from mlxr.compare.statistics import Paired
from mlxr.compare.verdict import chance


def said(leaks: Leaks | None, whole: Figures, clean: Figures | None) -> list[str]:
    """Return what a verdict must add, in sentences: nothing where no test row was seen."""
    if leaks is None or clean is None:
        return []
    seen = f"{len(leaks.ids)} of {leaks.n} test rows that training has seen ({_kinds(leaks)})"
    metric = whole.primary
    if leaks.many:
        return [f"This leaves out {seen}; on all rows: {_difference(metric, whole.headline)}."]
    return [f"It counts {seen}; without them: {_difference(metric, clean.headline)}."]


def line(leaks: Leaks | None) -> str:
    """Return in a few words which test rows were seen in training."""
    if leaks is None:
        return "not checked: the training rows are not at hand"
    seen = f"{len(leaks.ids)} of {leaks.n}" + (f" ({_kinds(leaks)})" if leaks.ids else "")
    have = "has" if leaks.skeletons == 1 else "have"
    forms = f"{leaks.skeletons} {have} a prompt known from there but for its numbers and answer"
    return f"{seen}; {forms}"


def _kinds(leaks: Leaks) -> str:
    answered = f", {leaks.answered} of them with the same answer" if leaks.answered else ""
    exact = f"{len(leaks.exact)} to the letter{answered}" if leaks.exact else ""
    near = f"{len(leaks.near)} nearly" if leaks.near else ""
    return "; ".join(filter(None, (exact, near)))


def _difference(metric: Metric, paired: Paired | None) -> str:
    if paired is None:
        return "no row has a score"
    sure = f"p {chance(paired.p)}, n = {paired.n}"
    if paired.interval:
        ends = (metric.show_delta(end) for end in (paired.interval.low, paired.interval.high))
        sure = f"95 % interval {' to '.join(ends)}, {sure}"
    return f"{metric.show_delta(paired.delta)} ({sure})"
