"""How settings stand beside each other: a mean over seeds, and how far seeds alone spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance
from typing import Any

from mlxr.compare.metric import Metric
from mlxr.sweep.space import Setting


@dataclass(frozen=True)
class Row:
    """What one trial came to."""

    seed: int | None
    run: str
    """Its name."""
    status: str
    """As in run.json."""
    iterations: int
    loss: float | None
    """Lowest validation loss, in nats per target token."""
    value: float | None
    """What trials are told apart by; None where it failed or was left behind."""
    message: str = ""
    """Why there is no value."""


@dataclass(frozen=True)
class Standing:
    """One setting over its seeds."""

    setting: Setting
    rows: tuple[Row, ...]
    left_at: int | None = None
    """Iterations after which halving left it behind."""

    @property
    def values(self) -> list[float]:
        """What its trials came to, those left out that failed."""
        return [row.value for row in self.rows if row.value is not None]

    @property
    def whole(self) -> bool:
        """Whether every trial came to something."""
        return len(self.values) == len(self.rows)

    @property
    def mean(self) -> float | None:
        """Mean over the seeds."""
        return fmean(self.values) if self.values else None

    @property
    def sd(self) -> float | None:
        """Standard deviation over the seeds (n - 1), of two or more."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def loss(self) -> float | None:
        """Mean of the lowest validation losses."""
        found = [row.loss for row in self.rows if row.loss is not None]
        return fmean(found) if found else None


def ranked(standings: Sequence[Standing], metric: Metric) -> list[Standing]:
    """Return them best first; those with a failed trial after all others, as nobody knows.

    Those left behind come next, the longest kept first, and by their loss.
    """
    return sorted(standings, key=lambda each: _rank(each, metric))


def _rank(standing: Standing, metric: Metric) -> tuple[Any, ...]:
    mean = standing.mean
    if mean is None:
        loss = math.inf if standing.loss is None else standing.loss
        return (2 if standing.left_at else 3, -(standing.left_at or 0), loss)
    return (0 if standing.whole else 1, -mean if metric.higher_is_better else mean, 0.0)


def seed_sd(standings: Sequence[Standing]) -> float | None:
    """Return by how much seeds alone move the value: the pooled standard deviation in a setting.

    It is the root of the variances' mean, each weighing by its degrees of freedom (n - 1).
    None where no setting has two values.
    """
    several = [each.values for each in standings if len(each.values) > 1]
    freedom = sum(len(values) - 1 for values in several)
    if not freedom:
        return None
    return math.sqrt(math.fsum(variance(v) * (len(v) - 1) for v in several) / freedom)


def apart(best: Standing, second: Standing, spread: float) -> bool:
    """Tell whether two means differ by more than seeds explain: twice the difference's error.

    The error of a difference of means is spread · √(1/n + 1/m).
    """
    if best.mean is None or second.mean is None:
        return False
    error = spread * math.sqrt(1 / len(best.values) + 1 / len(second.values))
    return abs(best.mean - second.mean) > 2 * error
