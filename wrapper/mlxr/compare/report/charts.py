"""The geometry of the page's charts, in their own units; the page draws them as SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlxr.compare.judge import Judgement
from mlxr.compare.result import Result

FOREST = 200.0
"""Width of an interval's picture; no difference stands in its middle."""
SCATTER = 240.0
"""Side of the picture of all samples."""
CURVE = (560.0, 150.0)
"""Width and height of the picture of the losses."""
CELLS = 48
"""Cells a side into which the samples' points are gathered."""

Curve = Mapping[str, Sequence[tuple[int, float]]]


@dataclass(frozen=True)
class Bar:
    """An interval and its middle, as places on a line."""

    low: float
    middle: float
    high: float
    side: str
    """better or worse, where the whole interval lies on that side; else unsure."""


@dataclass(frozen=True)
class Dot:
    """Samples that fall on one place: how many, and the circle's radius."""

    x: float
    y: float
    radius: float
    n: int


@dataclass(frozen=True)
class Line:
    """A loss over the iterations: an SVG list of points, and the figures behind it."""

    name: str
    points: str
    values: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Curves:
    """The losses of a training, and the ends of their axes."""

    lines: Sequence[Line]
    last: int
    top: float
    best: tuple[float, float] | None
    """Place of the lowest validation loss."""


def forest(results: Sequence[Result]) -> list[Bar | None]:
    """Return a bar for each metric with an interval; metrics of one unit have one scale."""
    reach: dict[str, float] = {}
    for result in results:
        ends = _ends(result)
        unit = result.metric.unit
        reach[unit] = max([reach.get(unit, 0.0), *(abs(end) for end in ends)])
    return [_bar(result, reach[result.metric.unit]) for result in results]


def _bar(result: Result, reach: float) -> Bar | None:
    if not (ends := _ends(result)):
        return None
    low, middle, high = (FOREST / 2 * (1 + 0.96 * end / (reach or 1)) for end in ends)
    up = result.metric.higher_is_better
    side = "unsure"
    if (ends[0] > 0 or ends[2] < 0) and not result.metric.descriptive:
        side = "better" if (ends[0] > 0) == up else "worse"
    return Bar(low, middle, high, side)


def _ends(result: Result) -> list[float]:
    found, interval = result.paired, result.paired.interval
    return [interval.low, found.delta, interval.high] if interval else []


def scatter(judgement: Judgement) -> list[Dot]:
    """Return base (x) against tuned (y) of the primary metric; empty for right or wrong.

    Places are gathered in a grid, so that ten thousand samples draw as fast as ten.
    """
    metric = judgement.primary
    if metric.kind == "binary":
        return []
    pairs = [
        [metric.of(score.values[metric.name]) for score in (j.base_score, j.tuned_score)]
        for j in judgement.judged
        if j.outcome != "unscored"
    ]
    ends = [value for pair in pairs for value in pair]
    if not pairs or min(ends) == max(ends):
        return []
    low, step = min(ends), (max(ends) - min(ends)) / CELLS
    found = Counter((round((x - low) / step), round((y - low) / step)) for x, y in pairs)
    most, cell = max(found.values()), SCATTER / CELLS
    return [
        Dot(x * cell, SCATTER - y * cell, 2 + 7 * (n / most) ** 0.5, n)
        for (x, y), n in sorted(found.items())
    ]


def curves(found: Curve) -> Curves | None:
    """Return the losses as lines on common axes; None where there are fewer than two points."""
    points = [point for line in found.values() for point in line]
    if len(points) < 2 or not (last := max(iteration for iteration, _ in points)):
        return None
    top = max(loss for _, loss in points) or 1.0
    width, height = CURVE

    def place(point: tuple[int, float]) -> tuple[float, float]:
        return width * point[0] / last, height * (1 - point[1] / top)

    lines = [
        Line(name, " ".join("{:.1f},{:.1f}".format(*place(p)) for p in line), line)
        for name, line in found.items()
        if line
    ]
    valid = found.get("valid", ())
    best = place(min(valid, key=lambda point: point[1])) if valid else None
    return Curves(lines, last, top, best)


def loss_curve(events: Sequence[Mapping[str, Any]], size: int = 200) -> dict[str, list[list[Any]]]:
    """Return the losses that a training reported, by split: [iteration, nats per token].

    Of more than `size` training losses, neighbours are averaged.
    """
    train = [(e["iteration"], e["loss"]) for e in events if e.get("event") == "trained"]
    valid = [(e["iteration"], e["loss"]) for e in events if e.get("event") == "validated"]
    kept = [point for point in train if point[1] is not None]
    step = -(-len(kept) // size) or 1
    groups = [kept[i : i + step] for i in range(0, len(kept), step)]
    means = [[group[-1][0], sum(loss for _, loss in group) / len(group)] for group in groups]
    return {"train": means, "valid": [[i, loss] for i, loss in valid if loss is not None]}
