"""What is remembered of a record while its line lies in the spool, a file.

Only these entries are held in memory, a few hundred bytes each, however long the rows are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mlxr.prep.audit.content import Content


@dataclass(slots=True)
class Entry:
    """One record: where its line is, what the audit and the splits need to know of it."""

    start: int
    size: int
    row: int
    """Number of its row among those taken; an expanded conversation has several records."""
    last: bool
    """Whether it ends its row: the only record of a row, or that of the last answer."""
    split: str | None
    key: str
    """Equal for records with the same prompt."""
    id: str
    place: str
    tokens: int
    targets: int
    codes: tuple[str, ...]
    """The findings that it is an instance of by its tokens."""
    content: Content | None
    """What the answer says; None for a plain text."""
    category: str | None = None
    group: str | None = None
    stratum: str | None = None
    desirable: bool | None = None


class Spool:
    """A file of records in the order of their making."""

    def __init__(self, path: Path) -> None:
        self._stream: IO[bytes] = path.open("w+b")
        self._end = 0
        self._moved = False

    def add(self, line: bytes) -> int:
        """Append a line and return where it starts."""
        start = self._end
        if self._moved:  # lines were read meanwhile
            self._stream.seek(start)
            self._moved = False
        self._stream.write(line)
        self._end += len(line)
        return start

    def line(self, entry: Entry) -> bytes:
        """Return the line of a record."""
        self._moved = True
        self._stream.seek(entry.start)
        return self._stream.read(entry.size)

    def lines(self, entries: Iterable[Entry]) -> Iterator[bytes]:
        """Yield the lines of `entries` in their order."""
        return map(self.line, entries)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
