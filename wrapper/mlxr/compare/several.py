"""Several adapters of one base against that base, on the same test rows.

Each is judged by itself, as if it were alone; what is added is how they stand beside each other.
The base is asked once: its answers are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlxr.compare.comparison import Comparison
from mlxr.compare.metric import Metric
from mlxr.compare.options import PLAIN, Options
from mlxr.compare.stage import compare
from mlxr.compare.statistics import Paired, holm
from mlxr.errors import MlxrError
from mlxr.events import Display, Step
from mlxr.loaded import ARMS
from mlxr.recipe import revive
from mlxr.workspace import Adapter, Workspace

CHOICE = (
    "p is adjusted for the number of adapters (Holm). The best of several, chosen by these very "
    "test rows, looks better than it is: confirm it on rows that did not choose it."
)


@dataclass(frozen=True)
class Standing:
    """One adapter's place among several, by the primary metric."""

    name: str
    label: str
    """The verdict that it would have alone."""
    metric: Metric
    paired: Paired | None
    p_holm: float | None
    """Adjusted for the number of adapters."""


def compare_several(
    adapters: Sequence[Adapter],
    workspace: Workspace,
    display: Display,
    options: Options = PLAIN,
    *,
    fresh: bool = False,
) -> list[Comparison]:
    """Return the comparison of each adapter with the base, in the order given.

    `fresh` asks the adapters anew, and the base once, whatever was kept. Raises MlxrError when
    they have not the same model, data and rules.
    """
    _alike(adapters)
    found: list[Comparison] = []
    for adapter in adapters:
        if len(adapters) > 1:
            display.show(Step(f"Comparing {adapter.name}"))
        anew = () if not fresh else ("tuned",) if found else ARMS
        found.append(compare(adapter, workspace, display, replace(options, fresh=anew)))
    return found


def standings(comparisons: Sequence[Comparison]) -> list[Standing]:
    """Return how comparisons stand beside each other, the best first."""
    headlines = [c.judgement.headline for c in comparisons]
    scored = [each[0].paired if each else None for each in headlines]
    adjusted = iter(holm([paired.p for paired in scored if paired]))
    found = [
        Standing(
            c.document["run"],
            c.verdict.label,
            c.judgement.primary,
            paired,
            next(adjusted) if paired else None,
        )
        for c, paired in zip(comparisons, scored, strict=True)
    ]
    return sorted(found, key=_worth)


def several_document(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """Return what `--json` prints: each comparison's document, and the standings."""
    return {
        "standings": [
            {"run": s.name, "verdict": s.label, "metric": s.metric.name,
             "tuned": s.paired and s.paired.tuned, "delta": s.paired and s.paired.delta,
             "p_holm": s.p_holm}
            for s in standings(comparisons)
        ],
        "comparisons": [comparison.document for comparison in comparisons],
    }  # fmt: skip


def _worth(standing: Standing) -> float:
    if standing.paired is None:
        return float("inf")
    tuned = standing.paired.tuned
    return -tuned if standing.metric.higher_is_better else tuned


def _alike(adapters: Sequence[Adapter]) -> None:
    names = [adapter.name for adapter in adapters]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise MlxrError(f"{twice} is named twice.", "Name each adapter once.")
    first, *others = [(adapter.name, _ground(adapter)) for adapter in adapters]
    for name, ground in others:
        if differs := [what for what, value in ground.items() if value != first[1][what]]:
            raise MlxrError(
                f"{name} and {first[0]} differ in {' and '.join(differs)}, so they cannot be held"
                " against one base.",
                "Compare runs of one model on the same data by the same [compare], or each alone.",
            )


def _ground(adapter: Adapter) -> Mapping[str, Any]:
    record = adapter.run.read_record()
    recipe = revive(record, adapter.run.record)
    return {
        "their model": recipe.model,
        "their data": record["data"]["sha256"],
        "their [compare]": recipe.compare,
    }
