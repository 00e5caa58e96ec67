"""The fields of all answers that are JSON or calls: how often null, found in the prompt, the same.

A field that is null in one row and a list in another is one: "who" is counted as "who[]".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from mlxr.prep.audit.content import Content
from mlxr.prep.audit.grounding import COMPUTABLE, FOUND, MISSING, NULL, UNOFFERED
from mlxr.prep.audit.hits import Audited

FEW = 20
"""Different values that a closed set has at most: labels, units, priorities."""
EACH = 5
"""Times that a value of a closed set is used on average at least."""
_COPIED = 0.8
"""Share of found values from which even few different ones are meant to be copied."""
_SOMETIMES = 0.15
"""Share of found values from which those that might be computed should have been copied; an
arithmetic answer stands among the numbers of its question by chance in fewer rows."""
NEARLY_ALL = 0.95
"""Share of rows from which one of a few labels is a constant. 90 to 10 is an ordinary label."""
MOST = 0.75
"""The same for values that are no labels: free texts do not repeat."""
LEAST = 10
"""Rows below which nothing is called constant."""


class Variety:
    """Counts different values up to FEW, and finds the one that more than half are.

    Boyer and Moore's majority vote: whichever value is left is the only one that can have one.
    """

    def __init__(self) -> None:
        self.count = 0
        self._different: set[int] = set()
        self._votes = 0
        self.candidate: int | None = None

    def add(self, value: int, kind: int) -> None:
        """Count one value; `kind` is what tells different ones apart."""
        self.count += 1
        if len(self._different) <= FEW:
            self._different.add(kind)
        if self._votes == 0:
            self.candidate = value
        self._votes += 1 if value == self.candidate else -1

    @property
    def closed(self) -> bool:
        """Return whether the values are a small set that is used over and over."""
        different = len(self._different)
        return different <= FEW and self.count >= EACH * different

    def is_constant(self, count: int, rows: int) -> bool:
        """Return whether a value that `count` of all `rows` have makes for a constant."""
        return rows >= LEAST and count >= (NEARLY_ALL if self.closed else MOST) * rows


class Field:
    """One field over all rows that have it."""

    def __init__(self) -> None:
        self.states = [0] * (UNOFFERED + 1)
        self.variety = Variety()

    def add(self, state: int, whole: int, one: int) -> None:
        """Count one row's values."""
        self.states[state] += 1
        if state != NULL:
            self.variety.add(whole, one)

    @property
    def null(self) -> float:
        """Return the share of rows in which it is null."""
        return self.states[NULL] / sum(self.states)

    @property
    def ungrounded(self) -> range:
        """Return the states that are flaws here: values of labels need not stand anywhere."""
        found = self.states[FOUND] / max(self.variety.count, 1)
        worse = COMPUTABLE if found >= _SOMETIMES else MISSING
        if self.variety.closed and found < _COPIED:
            worse = UNOFFERED
        return range(worse, UNOFFERED + 1)

    @property
    def flawed(self) -> int:
        """Return the rows with an ungrounded value."""
        return sum(self.states[state] for state in self.ungrounded)


class Fields:
    """The fields of many records by name."""

    def __init__(self, entries: Sequence[Audited]) -> None:
        self._paths = {e.content.paths for e in entries if e.content}
        everywhere = set(chain.from_iterable(self._paths))
        self._names = {
            paths: tuple(f"{path}[]" if f"{path}[]" in everywhere else path for path in paths)
            for paths in self._paths
        }
        self.named: dict[str, Field] = {}
        for entry in entries:
            if entry.content:
                for name, state, whole, one in self.of(entry.content):
                    self.named.setdefault(name, Field()).add(state, whole, one)

    def of(self, content: Content) -> Iterator[tuple[str, int, int, int]]:
        """Yield name, state, hash of all values and hash of one for each field of a record."""
        names: Iterable[str] = self._names[content.paths]
        return ((name, *field) for name, field in zip(names, content.fields(), strict=True))
