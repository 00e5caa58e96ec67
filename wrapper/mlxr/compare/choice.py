"""Which test rows are taken where not all are: judged (`compare.limit`), or measured."""

from __future__ import annotations

import random
from collections.abc import Sequence


def choose(
    ids: Sequence[str], categories: Sequence[str | None], limit: int | None, seed: int
) -> list[int]:
    """Return the places of at most `limit` samples, in their order.

    They are chosen by seed, each category by its share, to within one row; `ids` are unique. The
    first rows would not do: those of a sorted file are of one kind. The file's order has no
    influence on which are chosen.
    """
    if limit is None or limit >= len(ids):
        return list(range(len(ids)))
    draw = random.Random(seed)
    luck = {name: draw.random() for name in sorted(ids)}
    order = sorted(range(len(ids)), key=lambda i: (categories[i] or "", luck[ids[i]]))
    # Places evenly apart in an order by category: every category is met as often as it is long.
    return sorted(order[(2 * k + 1) * len(order) // (2 * limit)] for k in range(limit))


def spread(count: int, most: int) -> list[int]:
    """Return at most `most` of `count` places, evenly spread."""
    return [i * count // min(count, most) for i in range(min(count, most))]
