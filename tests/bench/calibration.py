"""Whether the printed 95 % intervals cover what they promise, and how often A/A looks like more.

python tests/bench/calibration.py [DRAWS]

Coverage: pairs of right and wrong are drawn with known probabilities (both right, broken, fixed,
both wrong); an interval covers if it holds the true difference. The widths are held against the
usual normal interval of a paired difference. A/A: both arms are alike, for every kind of
metric, through the same functions that `mlxr compare` calls; nothing may be claimed. Pass/fail
metrics have so few outcomes that the share claimed is added up over all of them, exactly; other
metrics are drawn. For these the tests of means and ratios hold 5 % by construction (sign-flips and
swaps of arms that are alike); that of ranks, a bootstrap, does not, and is what the draws watch.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np  # noqa: TID253  (a script of its own)

from mlxr.compare import resampling
from mlxr.compare.intervals import Z, mcnemar, newcombe
from mlxr.compare.metric import Metric
from mlxr.compare.sample import Score, Value
from mlxr.compare.scorers.extraction import f1
from mlxr.compare.scorers.loss import per_token
from mlxr.compare.statistics import Paired, compare_metric
from mlxr.compare.verdict import decide

CELLS = {
    ".90 .02 .06 .02": (0.90, 0.02, 0.06, 0.02),
    ".96 .005 .02 .015": (0.96, 0.005, 0.02, 0.015),
    ".30 .02 .65 .03": (0.30, 0.02, 0.65, 0.03),
    ".45 .10 .15 .30": (0.45, 0.10, 0.15, 0.30),
}
"""Probabilities of both right, broken, fixed and both wrong."""
SIZES = (20, 50, 200)
UNLIKELY = -25.0
COVERED, WIDER, CLAIMED = 0.93, 1.5, 0.05
"""The bars: at least, at most (at n = 200), at most.

Tests at 5 % are made to claim in 5 % of A/A comparisons: a drawn line of figures may pass that by
the noise of its draws (two standard errors), all of them together and what is exact may not.
"""

RIGHT = Metric("right", "binary", True, "right", "")
GRADE = Metric("grade", "mean", True, "grade", "")
F1 = Metric("f1", "ratio", True, "F1", "", aggregate=f1)
LOSS = Metric("loss", "ratio", False, "loss", "", aggregate=per_token, unit="nats/token")
RANK = Metric("rank", "rank", True, "ranking", "")

Random = np.random.Generator
Arms = tuple[list[Value], list[Value]]
cached_newcombe = cache(newcombe)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def coverage(cells: tuple[float, ...], n: int, draws: int) -> tuple[float, float, float]:
    """Return how often Newcombe and the normal interval cover, and the ratio of mean widths."""
    rng = np.random.default_rng(n)
    truth, ours, theirs, widths = cells[2] - cells[1], 0, 0, [0.0, 0.0]
    for n11, n10, n01, n00 in rng.multinomial(n, cells, draws).tolist():
        found = cached_newcombe(n11, n10, n01, n00)
        delta = (n01 - n10) / n
        spread = (n01 + n10 - n * delta**2) / (n - 1) / n
        half = Z * math.sqrt(max(spread, 0.0))
        ours += found.low - 1e-12 <= truth <= found.high + 1e-12
        theirs += abs(delta - truth) <= half + 1e-12
        widths = [widths[0] + found.high - found.low, widths[1] + 2 * half]
    return ours / draws, theirs / draws, widths[0] / widths[1] if widths[1] else math.inf


def compared(metric: Metric, arms: Arms, clusters: list[str] | None = None) -> Paired:
    base, tuned = ([Score({metric.name: value}) for value in arm] for arm in arms)
    ids = [f"{i:04}" for i in range(len(base))]
    found = compare_metric(metric, base, tuned, ids, 42, clusters)
    if found is None:
        raise ValueError("nothing was scored")
    return found


def claimed(cells: tuple[float, ...], n: int) -> float:
    """Return the probability of IMPROVED or REGRESSED, broken being as likely as fixed.

    Over all ways in which n samples can fall into the four cells, but for what has a chance of
    less than e⁻²⁵.
    """
    moved = (cells[1] + cells[2]) / 2
    logs = [math.log(p) for p in (cells[0], moved, moved, cells[3])]
    faculty = [math.lgamma(k + 1) for k in range(n + 1)]
    found = 0.0
    for n10, n01 in ((a, b) for a in range(n + 1) for b in range(n + 1 - a)):
        p, left = mcnemar(n10, n01).midp if likely(n, n10, n01, moved) else 1.0, n - n10 - n01
        for n11 in range(left + 1) if p < CLAIMED else ():
            counts = (n11, n10, n01, left - n11)
            chance = faculty[n] + sum(k * g - faculty[k] for k, g in zip(counts, logs, strict=True))
            if chance > UNLIKELY and code(counts, p) in {"IMPROVED", "REGRESSED"}:
                found += math.exp(chance)
    return found


def likely(n: int, n10: int, n01: int, moved: float) -> bool:
    """Whether so many broken and fixed are worth a look."""
    m, left = n10 + n01, n - n10 - n01
    ways = math.lgamma(n + 1) - sum(math.lgamma(k + 1) for k in (n10, n01, left))
    return ways + m * math.log(moved) + left * math.log1p(-2 * moved) > UNLIKELY


def code(counts: tuple[int, ...], p: float) -> str:
    """Return the verdict's code on counts of both right, broken, fixed and both wrong."""
    n11, n10, n01, _ = counts
    n = sum(counts)
    base, tuned = (n11 + n10) / n, (n11 + n01) / n
    interval = newcombe(*counts)
    paired = Paired(base, tuned, (n01 - n10) / n, interval, p, "mcnemar_midp", 0.1, 0.3, n, n)
    return decide(RIGHT, paired).code


def grades(rng: Random, n: int) -> Arms:
    """Draw scores such as ROUGE: hard and easy samples, some noise, many equal."""
    level = rng.beta(2, 3, n)
    arms = [np.clip(level + rng.normal(0, 0.1, n) * (rng.random(n) < 0.6), 0, 1) for _ in "ab"]
    return list(map(float, arms[0])), list(map(float, arms[1]))


def fields(rng: Random, n: int) -> Arms:
    """Draw counts of right, wrong, invented and missed fields; hard records have fewer right."""
    ease = rng.beta(4, 1.5, n)

    def arm() -> list[Value]:
        drawn = (rng.multinomial(6, (p, (1 - p) / 2, 0, (1 - p) / 2)) for p in ease)
        return [(float(tp), float(fd), float(rng.random() < 0.1), float(fn))
                for tp, fd, _, fn in drawn]  # fmt: skip

    return arm(), arm()


def losses(rng: Random, n: int) -> Arms:
    """Draw nats and tokens of targets of very different lengths."""
    tokens = rng.lognormal(3, 0.8, n).round() + 1
    level = rng.gamma(4, 0.3, n)
    arms = [(level + rng.normal(0, 0.1, n)) * tokens for _ in "ab"]
    a, b = (list(zip(map(float, arm), map(float, tokens), strict=True)) for arm in arms)
    return list(a), list(b)


def rewards(rng: Random, n: int) -> Arms:
    """Draw rewards that have nothing to do with the labels, half of which are wanted."""
    labels = [float(i % 2) for i in range(n)]
    tuned = list(zip(map(float, rng.normal(1, 1, n)), labels, strict=True))
    return [(0.0, label) for label in labels], list(tuned)


ALIKE: dict[str, tuple[Metric, Callable[[Random, int], Arms]]] = {
    "mean (as ROUGE)": (GRADE, grades),
    "ratio (micro-F1)": (F1, fields),
    "ratio (loss)": (LOSS, losses),
    "rank (AUROC)": (RANK, rewards),
}


def claims(metric: Metric, draw: Callable[[Random, int], Arms], n: int, draws: int) -> float:
    """Return the share of A/A comparisons that are called IMPROVED or REGRESSED."""
    rng = np.random.default_rng(n)
    codes = (decide(metric, compared(metric, draw(rng, n))).code for _ in range(draws))
    return sum(code in {"IMPROVED", "REGRESSED"} for code in codes) / draws


def clustered(clusters: int, size: int, draws: int) -> Iterator[tuple[str, float]]:
    """Yield how often intervals cover when samples come in clusters that mostly agree."""
    rng = np.random.default_rng(clusters)
    names = [f"c{i // size}" for i in range(clusters * size)]
    cells = CELLS[".45 .10 .15 .30"]
    known = unknown = 0
    for _ in range(draws):
        whole = np.repeat(rng.choice(4, clusters, p=cells), size)
        kinds = np.where(rng.random(len(whole)) < 0.7, whole, rng.choice(4, len(whole), p=cells))
        arms: Arms = [float(k < 2) for k in kinds], [float(k in (0, 2)) for k in kinds]
        known += covers(compared(RIGHT, arms, names), cells[2] - cells[1])
        unknown += covers(compared(RIGHT, arms), cells[2] - cells[1])
    yield "clusters known", known / draws
    yield "ignored", unknown / draws


def covers(found: Paired, truth: float) -> bool:
    return found.interval is not None and found.interval.low <= truth <= found.interval.high


def main(draws: int = 2000) -> int:
    """Print the figures; return 1 if a bar is missed."""
    missed, drawn = [], []
    noise = 2 * math.sqrt(CLAIMED * (1 - CLAIMED) / draws)
    say(f"{draws:,} draws each")
    say("coverage of 95 % intervals of pass/fail metrics: Newcombe (normal), ratio of widths")
    for name, cells in CELLS.items():
        for n in SIZES:
            ours, theirs, ratio = coverage(cells, n, draws)
            say(f"  {name:18} n = {n:3}   {ours:.3f} ({theirs:.3f})   {ratio:.2f}")
            if ours < COVERED or (n == 200 and ratio > WIDER):
                missed.append(f"{name} n = {n}")
    say("coverage for clusters of 4 that mostly agree")
    for count in (20, 50):
        for name, share in clustered(count, 4, draws):
            say(f"  {count} clusters, {name:15} {share:.3f}")
    resampling.DRAWS = 1000  # ten times fewer than in a comparison, to finish in minutes
    say("A/A called IMPROVED or REGRESSED at n = " + ", ".join(map(str, SIZES)))
    for name, cells in CELLS.items():
        shares = [claimed(cells, n) for n in SIZES]
        say(f"  {'pass/fail ' + name:28} " + "  ".join(f"{s:.4f}" for s in shares) + "  (exact)")
        missed += [f"A/A {name}"] if max(shares) > CLAIMED else []
    for name, (metric, draw) in ALIKE.items():
        shares = [claims(metric, draw, n, draws) for n in SIZES]
        say(f"  {name:28} " + "  ".join(f"{share:.3f}" for share in shares))
        missed += [f"A/A {name}"] if max(shares) > CLAIMED + noise else []
        drawn += shares
    pooled = sum(drawn) / len(drawn)
    say(f"  drawn, all {pooled:.4f}; a line may pass {CLAIMED} by {noise:.3f}, its draws' noise")
    missed += ["A/A, all"] if pooled > CLAIMED else []
    say(f"bars missed: {', '.join(missed) or 'none'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
