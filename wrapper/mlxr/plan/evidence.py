"""What difference the test split can show, and whether the one asked for is among them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from mlxr.compare.judge import make_scorer, primary_metric
from mlxr.compare.record import target_text
from mlxr.files import read_jsonl
from mlxr.power import DIFFER, VERDICT, samples_needed, smallest_difference
from mlxr.recipe import Compare

SHARES = (0.1, DIFFER, 0.5)
"""Shares of the test cases in which the arms may differ; which it is, only comparing tells."""


@dataclass(frozen=True)
class Shown:
    """The difference that is found with 80 % power at 5 %, if the arms differ in such a share."""

    differ: float
    smallest: float | None
    """None where not even the whole share is enough."""


@dataclass(frozen=True)
class Evidence:
    """What `mlxr compare` will be able to show."""

    rows: int
    """Test cases that it asks."""
    primary: str
    """The metric of the verdict."""
    share: bool
    """Whether it is a share, which the figures are about."""
    shown: tuple[Shown, ...]
    min_effect: float
    needed: int | None
    """Test cases that would show `min_effect`; None where none is set, or it has a unit."""
    verdict: bool
    """Whether there are enough for any verdict."""


def examine(rows: int, rules: Compare, train: Path) -> Evidence:
    """Return what a test split of `rows` can show; `train` is the file of the training rows.

    Raises MlxrError when the rules of comparing do not fit the answers there.
    """
    targets = [target_text(record) for record in read_jsonl(train)]
    asked = min(rows, rules.limit or rows)
    metric = primary_metric(rules, make_scorer(rules, targets))
    share = not metric.unit
    wanted = rules.min_effect if share else 0.0
    return Evidence(
        rows=asked,
        primary=metric.name,
        share=share,
        shown=tuple(_shown(asked, differ) for differ in SHARES) if asked else (),
        min_effect=rules.min_effect,
        needed=samples_needed(math.sqrt(max(DIFFER, wanted)), wanted) if wanted else None,
        verdict=asked >= VERDICT,
    )


def _shown(rows: int, differ: float) -> Shown:
    smallest = smallest_difference(rows, differ)
    return Shown(differ, smallest if smallest <= differ else None)
