"""What is known of the rows of an mlx_lm `CacheDataset` before they are tokenised.

prep stores it with each row, which spares tokenising everything before the first batch.
"""

from __future__ import annotations

from typing import Any


def row_lengths(dataset: Any) -> list[int]:
    """Return the token count of each row."""
    rows = dataset._data
    return [
        int(rows[i]["mlxr"]["tokens"]) if "mlxr" in rows[i] else len(dataset[i][0])
        for i in range(len(dataset))
    ]


def row_targets(dataset: Any, longest: int) -> list[int]:
    """Return the target tokens of each row, cut to `longest` tokens, as the loss counts them."""
    masked = getattr(dataset._data, "mask_prompt", False)
    lengths, rows = row_lengths(dataset), dataset._data
    offsets = [
        (rows[i]["mlxr"]["offset"] if "mlxr" in rows[i] else dataset[i][1]) if masked else 0
        for i in range(len(dataset))
    ]
    pairs = zip(lengths, offsets, strict=True)
    return [targets(length, offset, longest) for length, offset in pairs]


def targets(length: int, offset: int, longest: int) -> int:
    """Return the target tokens of a row of `length` tokens whose answer begins at `offset`."""
    return max(0, min(length, longest) - max(offset, 1))
