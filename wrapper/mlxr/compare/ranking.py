"""How well numbers put what belongs high above what belongs low: AUROC and its bootstrap.

A value is (number, 1.0 if it belongs high, else 0.0).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from mlxr.compare import resampling
from mlxr.compare.intervals import Interval, student_p
from mlxr.compare.resampling import Bootstrap, blocks, drawn_counts, spread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Ranked = Sequence[tuple[float, ...]]


def both_labels(values: Ranked) -> bool:
    """Return whether there is something to tell apart."""
    return len({high for _, high in values}) == 2


def auroc(values: Ranked) -> float:
    """Return P(a high one's number > a low one's) + ½ P(equal); 0.5 with one kind only."""
    highs = [number for number, high in values if high]
    lows = sorted(number for number, high in values if not high)
    if not highs or not lows:
        return 0.5
    above = sum(bisect_left(lows, number) + bisect_right(lows, number) for number in highs)
    return above / (2 * len(highs) * len(lows))


def bootstrap_auroc(
    base: Ranked, tuned: Ranked, clusters: Sequence[Hashable], seed: int
) -> Bootstrap:
    """Return the paired percentile bootstrap of auroc(tuned) − auroc(base).

    Clusters are drawn with replacement among those with the same labels, so that every draw
    has as many of each kind (stratified); both arms see the same draws. The p is twice the
    smaller tail, but never below what so few clusters allow: the tail alone claims a
    difference in 5.2 % of A/A comparisons of 20.
    """
    before, after = (_replicates(arm, clusters, seed) for arm in (base, tuned))
    delta = after - before
    tail = min(float((delta <= 0).mean()), float((delta >= 0).mean()))
    interval, se = spread(delta)
    least = _least_p(auroc(tuned) - auroc(base), se, tuned, clusters)
    return Bootstrap(interval, se, min(1.0, max(2 * tail, least, 1 / (len(delta) + 1))))


def _least_p(delta: float, se: float, ranked: Ranked, clusters: Sequence[Hashable]) -> float:
    """Student's p, one degree of freedom fewer than clusters have the rarer label.

    Where every draw is alike, what as many signs as there are clusters could show.
    """
    labels = {(cluster, high) for cluster, (_, high) in zip(clusters, ranked, strict=True)}
    rarer = min(sum(high == kind for _, high in labels) for kind in (1, 0))
    if rarer < 2:
        return 1.0
    student = student_p(delta / se, rarer - 1) if se else 0.0
    return max(student, float(2.0 ** (1 - len(set(clusters)))))


def bootstrap_auroc_one(arm: Ranked, clusters: Sequence[Hashable], seed: int) -> Interval:
    """Return the percentile bootstrap of one arm's AUROC."""
    return spread(_replicates(arm, clusters, seed))[0]


def _replicates(values: Ranked, clusters: Sequence[Hashable], seed: int) -> Floats:
    """The AUROC of DRAWS resamples, from how often each sample was drawn."""
    import numpy as np

    table = np.array(values, np.float64)
    if len(set(table[:, 0].tolist())) == 1:  # the base's rewards: all of them are 0
        return np.full(resampling.DRAWS, 0.5)
    names = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    owner = np.array([names[name] for name in clusters])
    strata = _strata(owner, table[:, 1], len(names))
    order = np.argsort(table[:, 0], kind="stable")
    high, low = (order[table[order, 1] == kind] for kind in (1, 0))
    numbers, lower = table[high, 0], table[low, 0]
    below = [np.searchsorted(lower, numbers, side) for side in ("left", "right")]
    rng, found = np.random.default_rng(seed), []
    for rows in blocks(len(table)):
        drawn = _draw(rng, strata, len(names), rows)
        highs, lows = drawn[:, owner[high]], drawn[:, owner[low]]
        up_to = np.zeros((rows, len(low) + 1))
        lows.cumsum(axis=1, out=up_to[:, 1:])
        above = (highs * (up_to[:, below[0]] + up_to[:, below[1]])).sum(axis=1) / 2
        found.append(above / (highs.sum(axis=1) * up_to[:, -1]))
    return np.concatenate(found)


def _strata(owner: NDArray[np.int64], high: Floats, count: int) -> list[NDArray[np.int64]]:
    """The clusters with high ones only, low ones only, and both."""
    import numpy as np

    kinds = np.zeros(count, np.int64)
    np.bitwise_or.at(kinds, owner, np.where(high == 1, 2, 1))
    return [np.flatnonzero(kinds == kind) for kind in (1, 2, 3) if (kinds == kind).any()]


def _draw(
    rng: np.random.Generator, strata: list[NDArray[np.int64]], count: int, rows: int
) -> Floats:
    """How often each cluster is drawn, in `rows` draws."""
    import numpy as np

    drawn = np.zeros((rows, count))
    for stratum in strata:
        drawn[:, stratum] = drawn_counts(rng, len(stratum), rows)
    return drawn
