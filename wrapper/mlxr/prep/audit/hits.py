"""What conclusions are drawn from: the records that are in a split, and how their rows count."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from mlxr.prep.audit.content import Content
from mlxr.prep.audit.findings import FINDINGS, Finding, Level
from mlxr.prep.audit.tally import EXAMPLES
from mlxr.workspace import SPLITS

BAR = 0.03
"""Share of rows from which most flaws are reported: real data that is sound has some in 1 or 2 %,
by honest oversights of its authors and of these checks."""
FEWEST = 2
"""Rows from which they are: one alone may be a slip."""


class Audited(Protocol):
    """What is read of a record."""

    @property
    def split(self) -> str | None:
        """None for a record that was left out."""

    @property
    def key(self) -> str:
        """Equal for records with the same prompt."""

    @property
    def place(self) -> str:
        """Where its row stands: "file:row"."""

    @property
    def category(self) -> str | None:
        """The value of the column that names categories."""

    @property
    def content(self) -> Content | None:
        """What its answer says; None where it has no answer."""


class Hits:
    """The rows that have a flaw."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._examples: list[str] = []

    def add(self, entry: Audited) -> None:
        """Count one row."""
        self._counts[entry.split or "unsplit"] += 1
        if len(self._examples) < EXAMPLES:
            self._examples.append(entry.place)

    @property
    def total(self) -> int:
        """Return the rows counted."""
        return self._counts.total()

    def matter(self, rows: int) -> bool:
        """Return whether they are enough to be reported, of so many rows in all."""
        return self.total >= max(FEWEST, BAR * rows)

    def finding(self, code: str, rows: int, said: str = "", level: Level | None = None) -> Finding:
        """Return the finding about them; `said` stands for the usual meaning of `code`."""
        kind, word = FINDINGS[code], "row" if rows == 1 else "rows"
        share = f"{self.total:,} of {rows:,} {word} ({100 * self.total / rows:.1f} %)"
        return Finding(
            code,
            level or kind.level,
            f"{share}: {said or kind.meaning}.",
            {split: self._counts[split] for split in SPLITS if self._counts[split]},
            tuple(self._examples),
            kind.fix,
        )


def listed(parts: list[str], most: int = 5) -> str:
    """Return the first parts, and how many more there are."""
    more = f" and {len(parts) - most:,} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more
