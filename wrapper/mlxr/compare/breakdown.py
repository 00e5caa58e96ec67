"""Where a difference comes from: slices of the samples, and types of error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Sample, Score
from mlxr.compare.statistics import Paired, compare_metric, holm


@dataclass(frozen=True)
class Slice:
    """The primary metric on the samples of one group."""

    name: str
    """What the samples are grouped by: "category", "calls due"."""
    value: str
    paired: Paired
    p_holm: float
    """Adjusted for the number of groups with this name."""


@dataclass(frozen=True)
class Transition:
    """How many samples went from one kind of error to another; "no error" is none."""

    base: str
    tuned: str
    n: int


def slices(
    metric: Metric,
    samples: Sequence[Sample],
    base: Sequence[Score],
    tuned: Sequence[Score],
    clusters: Sequence[str],
    seed: int,
) -> tuple[Slice, ...]:
    """Return the metric by category and by the scorer's own groups, the largest group first.

    A grouping that leaves all scored samples together says nothing and is left out.
    """
    groups: dict[str, dict[str, list[int]]] = {}
    for i, (sample, score) in enumerate(zip(samples, tuned, strict=True)):
        category = {} if sample.category is None else {"category": sample.category}
        for name, value in {**category, **score.slices}.items():
            groups.setdefault(name, {}).setdefault(value, []).append(i)
    found: list[Slice] = []
    for name, values in groups.items():
        family = []
        for value, places in sorted(values.items(), key=lambda item: (-len(item[1]), item[0])):
            before, after = ([arm[i] for i in places] for arm in (base, tuned))
            ids, of = [samples[i].id for i in places], [clusters[i] for i in places]
            if paired := compare_metric(metric, before, after, ids, seed, of):
                family.append(Slice(name, value, paired, 1.0))
        if len(family) > 1:
            adjusted = holm([each.paired.p for each in family])
            found += [replace(s, p_holm=p) for s, p in zip(family, adjusted, strict=True)]
    return tuple(found)


def means_of_groups(found: Sequence[Slice]) -> dict[str, tuple[float, float]]:
    """Return by grouping the mean of its groups in base and tuned, each group counting once."""
    families: dict[str, list[Paired]] = {}
    for each in found:
        families.setdefault(each.name, []).append(each.paired)
    return {
        name: (
            sum(paired.base for paired in family) / len(family),
            sum(paired.tuned for paired in family) / len(family),
        )
        for name, family in families.items()
    }


def error_counts(scores: Sequence[Score]) -> dict[str, int]:
    """Return how many samples have each type of error, the commonest first."""
    return dict(Counter(error for score in scores for error in score.errors).most_common())


def transitions(base: Sequence[Score], tuned: Sequence[Score]) -> list[Transition]:
    """Return what became of each kind of error, the commonest first; empty without errors."""
    pairs = Counter((_kind(b), _kind(t)) for b, t in zip(base, tuned, strict=True))
    if set(pairs) == {("no error", "no error")}:
        return []
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    return [Transition(one, other, n) for (one, other), n in ordered]


def _kind(score: Score) -> str:
    return " + ".join(score.errors) or "no error"
