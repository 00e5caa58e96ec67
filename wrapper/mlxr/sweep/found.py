"""What a sweep found: its table, and how much of it may be believed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlxr.compare.metric import Metric
from mlxr.sweep.standing import Standing, apart, seed_sd

SCHEMA = "mlxr.sweep/1"


@dataclass(frozen=True)
class Sweep:
    """A sweep's settings, the best first."""

    recipe: Path
    metric: Metric
    base: float | None
    """What the base model comes to."""
    standings: tuple[Standing, ...]
    record: Path
    """Where it is kept."""
    finished: bool = False
    best_recipe: Path | None = None
    """The recipe of the best setting, written when all trials are done."""

    @property
    def best(self) -> Standing | None:
        """The best setting; None where every trial failed."""
        first = self.standings[0] if self.standings else None
        return first if first and first.mean is not None else None

    @property
    def seed_sd(self) -> float | None:
        """By how much seeds alone move the figure (standard deviation)."""
        return seed_sd(self.standings)

    @property
    def several_seeds(self) -> bool:
        """Whether settings have more than one trial."""
        return any(len(each.rows) > 1 for each in self.standings)

    def to_json(self) -> dict[str, Any]:
        """Return what the sweep's file holds."""
        return {
            "schema": SCHEMA,
            "finished": self.finished,
            "recipe": str(self.recipe),
            "split": "valid",
            "metric": self.metric.name,
            "unit": self.metric.unit,
            "higher_is_better": self.metric.higher_is_better,
            "base": self.base,
            "seed_sd": self.seed_sd,
            "settings": [_setting(each) for each in self.standings],
            "best_recipe": str(self.best_recipe) if self.best_recipe else None,
        }


def _setting(each: Standing) -> dict[str, Any]:
    values = each.values
    return {
        "set": dict(each.setting),
        "mean": each.mean,
        "sd": each.sd,
        "min": min(values, default=None),
        "max": max(values, default=None),
        "loss": each.loss,
        "left_at": each.left_at,
        "runs": [asdict(row) for row in each.rows],
    }


def caution(sweep: Sweep) -> list[str]:
    """Return, in sentences, what the table does not show."""
    if len(sweep.standings) < 2:
        return [_about_seeds(sweep)]
    said = [
        f"Measured on the validation split. The best of {len(sweep.standings)} settings, chosen by"
        " these rows, looks better on them than it is; `mlxr compare` judges it on test rows."
    ]
    if any(each.left_at for each in sweep.standings):
        said.append("Those left behind were judged by their validation loss at that iteration.")
    return [*said, _about_seeds(sweep)]


def _about_seeds(sweep: Sweep) -> str:
    spread, metric = sweep.seed_sd, sweep.metric
    if spread is None:
        return "One seed a setting: how much of the differences is chance, only --seeds can tell."
    said = (
        f"Seeds alone move {metric.title} by {shown_spread(metric, spread)} (standard deviation"
        " within a setting)."
    )
    if len(sweep.standings) < 2:
        return said
    best, second = sweep.standings[:2]
    if best.mean is None or second.mean is None:
        return said
    gap = shown_spread(metric, abs(best.mean - second.mean))
    told = "more than" if apart(best, second, spread) else "not more than"
    return f"{said} The best two settings lie {gap} apart, {told} seeds explain."


def shown_spread(metric: Metric, spread: float) -> str:
    """Return a distance between two values as a reader sees it, without a sign."""
    return metric.show_delta(spread).lstrip("+")
