"""Which of two answers a judge prefers: the arithmetic of asking in both orders.

A judge asked twice, with the answers in either order, prefers one only if it does so both
times; anything else is a tie (FastChat's rule for MT-Bench).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlxr.compare.intervals import mcnemar

Preferred = Literal["base", "tuned", "tie"]

RELIABLE = 0.6
"""Share of pairs judged alike in both orders, below which a judge is not to be believed."""


@dataclass(frozen=True)
class Tally:
    """What a judge made of all pairs."""

    wins: int
    """Pairs in which tuned was preferred in both orders."""
    losses: int
    ties: int
    consistency: float
    """Share of pairs with the same verdict in both orders."""
    p: float
    """Two-sided sign test of wins against losses."""

    @property
    def win_rate(self) -> float:
        """(W + ½T) / N; a half is no difference."""
        return (self.wins + self.ties / 2) / (self.wins + self.losses + self.ties)


def tally(games: Sequence[tuple[Preferred, Preferred]]) -> Tally:
    """Return the tally of judged pairs, at least one: the verdict in either order, by arm."""
    verdicts = [one if one == other else "tie" for one, other in games]
    wins, losses = verdicts.count("tuned"), verdicts.count("base")
    same = sum(one == other for one, other in games)
    p = mcnemar(losses, wins).exact
    return Tally(wins, losses, verdicts.count("tie"), same / len(games), p)
