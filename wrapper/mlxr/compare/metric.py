"""What a metric is: how scores become one number, which way is better, how it is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from mlxr.compare.ranking import auroc
from mlxr.compare.sample import Value

Kind = Literal["binary", "mean", "ratio", "rank"]


@dataclass(frozen=True)
class Metric:
    """One number about an arm, made from one value per sample."""

    name: str
    kind: Kind
    """0 or 1 per sample; a number; sums, added before dividing; or a place in an order (AUROC)."""
    higher_is_better: bool
    title: str
    """How a sentence names it."""
    explanation: str
    aggregate: Callable[[Sequence[float]], float] | None = None
    """For a ratio: the value that summed statistics give. Total: it never divides by zero."""
    unit: str = ""
    """Written after the number; "" is a share, written in per cent."""
    tie_band: float = 0.0
    """Two samples' values closer than this are a tie."""
    descriptive: bool = False
    """Neither more nor less of it is better by itself: shown, never tested, never primary."""

    likelihood: bool = False
    """It tells how likely the expected answers are, and nothing of what is written."""

    def __post_init__(self) -> None:
        if (self.kind == "ratio") != (self.aggregate is not None):
            raise ValueError(f"{self.name}: a ratio, and nothing else, needs `aggregate`")

    def of(self, value: Value) -> float:
        """Return one sample's value as one number; of a rank, more is nearer its due place."""
        if self.kind == "rank":
            ranked, high = sums(value)
            return ranked if high else -ranked
        return self.total([value])

    def total(self, values: Sequence[Value]) -> float:
        """Return the metric over samples; their order has no influence. Raises on no samples."""
        if not values:
            raise ValueError(f"{self.name}: no sample has a score")
        if self.kind == "rank":
            return auroc([sums(value) for value in values])
        if self.kind == "ratio":
            columns = zip(*(sums(value) for value in values), strict=True)
            return self.ratio([math.fsum(column) for column in columns])
        return math.fsum(number(value) for value in values) / len(values)

    def ratio(self, totals: Sequence[float]) -> float:
        """Return what summed statistics give; raises TypeError on a metric of another kind."""
        if self.aggregate is None:
            raise TypeError(f"{self.name} is not a ratio")
        return self.aggregate(totals)

    def better(self, one: float, other: float) -> bool:
        """Return whether `one` is strictly better than `other`."""
        return one > other if self.higher_is_better else one < other

    def show(self, value: float) -> str:
        """Return a value as a reader sees it: "42.0 %" or "2.303 nats/token"."""
        return shown(value, self.unit)

    def bare(self, value: float) -> str:
        """Return a value without its unit, where a unit stands behind it already or soon."""
        return f"{value:.4g}" if self.unit else f"{100 * value:.1f} %"

    def bare_delta(self, delta: float) -> str:
        """Return a difference with its sign and without its unit."""
        return f"{delta:+.3g}" if self.unit else f"{100 * delta:+.1f}"

    def show_delta(self, delta: float) -> str:
        """Return a difference with its sign: "+42.0 points" or "-0.12 nats/token"."""
        return f"{self.bare_delta(delta)} {self.unit or 'points'}"


def shown(value: float, unit: str) -> str:
    """Return a value with its unit; a share, which has none, in per cent."""
    return f"{value:.4g} {unit}" if unit else f"{100 * value:.1f} %"


def number(value: Value) -> float:
    """Return the value of a binary or mean metric; raises TypeError on a ratio's statistics."""
    if isinstance(value, tuple):
        raise TypeError("statistics of a ratio where a number is due")
    return float(value)


def sums(value: Value) -> tuple[float, ...]:
    """Return the statistics of a ratio metric; raises TypeError on a plain number."""
    if not isinstance(value, tuple):
        raise TypeError("a number where statistics of a ratio are due")
    return value
