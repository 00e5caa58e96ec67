"""Scorers: each holds an output against its target. To add one: a file, and a line in SCORERS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Sample, Score
from mlxr.compare.scorers.baseline import Baseline
from mlxr.compare.scorers.copy import Copy
from mlxr.compare.scorers.extraction import Extraction
from mlxr.compare.scorers.preference import Preference
from mlxr.compare.scorers.summary import Summary
from mlxr.compare.scorers.text import Text
from mlxr.compare.scorers.tools import Tools


@dataclass(frozen=True)
class ScorerOptions:
    """What a recipe says about scoring."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """extraction: field to kind; empty: derived from the training targets."""
    day_first: bool = True
    """extraction: 03/04/2025 is the third of April."""
    desirable: str = "true"
    """preference: the category of the answers that are wanted."""
    train_targets: tuple[str, ...] = ()


class Scorer(Protocol):
    """Turns outputs into scores, always in the same way for both arms."""

    signature: str
    """Names every rule in force; reports with different signatures cannot be compared."""
    metrics: tuple[Metric, ...]
    primary: str
    """The metric that the verdict is about, unless the recipe names another."""

    def score(self, sample: Sample, output: Output) -> Score:
        """Return the score of one output; no values where `check` finds the target unreadable."""
        ...

    def check(self, sample: Sample) -> str | None:
        """Return why a sample's target cannot be scored against, or None."""
        ...

    def baselines(self, train_targets: Sequence[str]) -> Mapping[str, Baseline]:
        """Return what needs no model and answers samples all the same, by name; may be empty."""
        ...


SCORERS: dict[str, Callable[[ScorerOptions], Scorer]] = {
    "copy": Copy,
    "extraction": Extraction,
    "preference": Preference,
    "summary": Summary,
    "text": Text,
    "tools": Tools,
}
