"""Dividing a whole number in a given proportion."""

from __future__ import annotations

from collections.abc import Sequence


def shared(total: int, parts: Sequence[float]) -> list[int]:
    """Return `total` divided in the proportion of `parts`, by largest remainders."""
    whole = sum(parts)
    exact = [total * part / whole if whole else 0.0 for part in parts]
    given = [int(each) for each in exact]
    order = sorted(range(len(parts)), key=lambda i: (given[i] - exact[i], i))
    for i in order[: total - sum(given)] if whole else ():
        given[i] += 1
    return given
