"""The figures of a referee's verdicts: who won how often, how sure that is, how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlxr.compare.clusters import added
from mlxr.compare.intervals import Interval
from mlxr.compare.metric import Metric
from mlxr.compare.pairwise import RELIABLE, Preferred, Tally, tally
from mlxr.compare.resampling import bootstrap_one
from mlxr.compare.scorers.loss import per_token

WIN_RATE = Metric(
    "judge_win_rate",
    "ratio",
    higher_is_better=True,
    title="win rate by the judge",
    explanation="A local model (--judge) says which of the two answers does the task better, once "
    "with base shown first and once with tuned. An answer wins if it is preferred both times; "
    "anything else is a tie. The rate is (wins + ties / 2) / all; pairs without a verdict are left "
    "out and counted, and answers equal to the letter are ties. A half is no difference.",
    aggregate=per_token,
)
HOW = (
    "The 95 % interval is a bootstrap over samples; p is the sign test of wins against losses. "
    "It has no part in the verdict: a model likes its own style, long answers, and whatever "
    "stands first."
)
Game = tuple[Preferred | None, Preferred | None]
"""The verdict in either order, by arm; None where there was none."""


@dataclass(frozen=True)
class Refereed:
    """What a referee made of all samples."""

    model: str
    games: Mapping[str, Game]
    """By sample id; those whose answers are the same to the letter were not asked about."""
    same: tuple[str, ...]
    """Ids of those."""
    tally: Tally | None
    """Of all samples with a verdict in both orders, the same answers as ties; None without any."""
    interval: Interval | None
    """Of the win rate."""
    consistency: float | None
    """Share of the pairs asked about that were judged alike in both orders."""
    first: float | None
    """Share of the verdicts for either attempt that went to the one shown first."""
    longer: float | None
    """Words by which preferred answers were longer than the others, on average."""
    notes: tuple[str, ...]
    """Why not to rely on it."""

    @property
    def errors(self) -> list[str]:
        """Ids of the samples without a verdict in both orders."""
        return [name for name, game in self.games.items() if None in game]

    def preferred(self, name: str) -> str:
        """Return which arm a sample goes to: base, tuned, tie, or error."""
        one, other = self.games.get(name, ("tie", "tie"))
        if one is None or other is None:
            return "error"
        return one if one == other else "tie"


def referee(
    model: str,
    games: Mapping[str, Game],
    clusters: Mapping[str, str],
    words: Mapping[str, tuple[int, int]],
    *,
    seed: int,
    own: bool = False,
) -> Refereed:
    """Return the figures of games that were played; `clusters` and `words` are of all samples."""
    same = tuple(name for name in clusters if name not in games)
    played = {name: (a, b) for name, (a, b) in games.items() if a and b}
    counted: dict[str, tuple[Preferred, Preferred]] = played | dict.fromkeys(same, ("tie", "tie"))
    total = tally(list(counted.values())) if counted else None
    consistency = tally(list(played.values())).consistency if played else None
    return Refereed(
        model=model,
        games=games,
        same=same,
        tally=total,
        interval=_interval(counted, clusters, seed),
        consistency=consistency,
        first=_first(list(played.values())),
        longer=_longer(played, words),
        notes=_notes(consistency, own, len(games) - len(played), len(games)),
    )


def _interval(
    counted: Mapping[str, tuple[Preferred, Preferred]], clusters: Mapping[str, str], seed: int
) -> Interval | None:
    worth = {("tuned", "tuned"): 1.0, ("base", "base"): 0.0}
    names = sorted(counted)
    rows = added([(worth.get(counted[n], 0.5), 1.0) for n in names], [clusters[n] for n in names])
    return bootstrap_one(rows, per_token, seed) if len(rows) > 1 else None


def _first(games: Sequence[tuple[Preferred, Preferred]]) -> float | None:
    """Base is shown first in the first order, tuned in the second."""
    shown = ("base", "tuned")
    pairs = [pair for game in games for pair in zip(game, shown, strict=True)]
    chosen = [arm == first for arm, first in pairs if arm != "tie"]
    return sum(chosen) / len(chosen) if chosen else None


def _longer(
    played: Mapping[str, tuple[Preferred, Preferred]], words: Mapping[str, tuple[int, int]]
) -> float | None:
    sign = {("base", "base"): 1, ("tuned", "tuned"): -1}
    found = [sign[g] * (words[n][0] - words[n][1]) for n, g in played.items() if g in sign]
    return sum(found) / len(found) if found else None


def _notes(consistency: float | None, own: bool, errors: int, asked: int) -> tuple[str, ...]:
    found = []
    if errors:
        found.append(f"{errors} of {asked} pairs had no verdict in both orders and do not count.")
    if consistency is not None and consistency < RELIABLE:
        found.append("It contradicts itself too often when the order is turned to be relied on.")
    if own:
        found.append("It is the base model itself, and models prefer what they would have written.")
    return tuple(found)
