"""Samples that belong together: of one conversation, of one article, with one prompt.

What they say is not independent, so a cluster counts as one observation where an interval or a
test asks how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from mlxr.compare.intervals import clustered_se, quantile, standard_error

Clusters = Sequence[Hashable]


def added(rows: Sequence[tuple[float, ...]], clusters: Clusters) -> list[tuple[float, ...]]:
    """Return the sums of each cluster's rows, in order of first appearance."""
    groups: dict[Hashable, list[tuple[float, ...]]] = {}
    for row, cluster in zip(rows, clusters, strict=True):
        groups.setdefault(cluster, []).append(row)
    return [
        tuple(math.fsum(column) for column in zip(*group, strict=True)) for group in groups.values()
    ]


def effective_n(values: Sequence[float], clusters: Clusters) -> float:
    """Return how many independent values are worth as much as these, at most as many.

    n · (SE / clustered SE)², the design effect of Rao and Scott (1992), times
    (t of n − 1 / t of C − 1 degrees of freedom)² for few clusters C (Korn and Graubard 1998).
    Where all values are equal, as where one cluster is all there is, a cluster counts once.
    """
    n, count = len(values), len(set(clusters))
    if count == n:
        return float(n)
    if count < 2:
        return float(count)
    alone = standard_error(values)
    ratio = clustered_se(values, clusters) / alone if alone else math.sqrt(n / count)
    return n / max(1.0, ratio) ** 2 * (quantile(n - 1) / quantile(count - 1)) ** 2
