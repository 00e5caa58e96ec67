"""What a comparison does besides, or otherwise."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What a comparison does besides, or otherwise."""

    allow_degenerate: bool = False
    """Give a verdict in spite of red alarms."""
    judge_model: str | None = None
    """A Hub id or a local folder, asked which answers it prefers."""
    fresh: Collection[str] = ()
    """The arms that are asked anew, whatever they answered before."""
    bench: bool = False
    """Time both arms in turns."""
    shots: int | None = None
    """In place of the recipe's `compare.shots`."""


PLAIN = Options()
