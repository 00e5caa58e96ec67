"""Disjoint sets, for what belongs together by way of others."""

from __future__ import annotations


class Forest:
    """Disjoint sets of the numbers below `size` (union-find with path halving)."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def root(self, node: int) -> int:
        """Return the number that stands for the set of `node`."""
        parent = self._parent
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    def unite(self, one: int, other: int) -> None:
        """Make the two sets one, under the smaller root."""
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low
