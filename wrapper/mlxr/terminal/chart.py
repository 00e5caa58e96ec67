"""A small loss chart made of characters."""

from __future__ import annotations

from collections.abc import Sequence

TRAIN, VALID = "·", "●"


def chart(
    train: Sequence[tuple[int, float]],
    valid: Sequence[tuple[int, float]],
    last: int,
    width: int,
    height: int,
) -> list[str]:
    """Return `height` lines of up to `width` characters: loss over iterations 0 … `last`.

    The scale at the left holds the highest and the lowest value. Training loss is drawn as
    TRAIN, validation loss over it as VALID.
    """
    values = [value for _, value in (*train, *valid)]
    if not values or width < 12 or height < 2:
        return []
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    columns = width - 8
    grid = [[" "] * columns for _ in range(height)]
    for points, mark in ((train, TRAIN), (valid, VALID)):
        for x, y in points:
            column = min(columns - 1, x * (columns - 1) // max(1, last))
            grid[round((high - y) / span * (height - 1))][column] = mark
    labels = [""] * height
    labels[-1], labels[0] = f"{low:.3f}" if low < high else "", f"{high:.3f}"
    return [f"{label:>7} {''.join(row)}".rstrip() for label, row in zip(labels, grid, strict=True)]
