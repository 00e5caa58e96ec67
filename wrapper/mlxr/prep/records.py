"""From rows to records: shaped, tokenised, checked, and kept in a spool until they have a split.

A record is one line of train.jsonl, valid.jsonl or test.jsonl. mlx-lm reads its messages (and
tools) and ignores the key `mlxr`:

    {"messages": [{"role": "user", "content": "Lunch on Friday"}, {"role": "assistant", …}],
     "mlxr": {"id": "5f1d0c2b9a3e4f60-1", "source": "events.jsonl", "row": 17, "tokens": 41,
              "offset": 12, "prompt_sha256": "…"}}

Only an index of the records is held in memory: their lines lie in the spool, a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from mlxr.files import json_line, sha256
from mlxr.prep.audit import faults
from mlxr.prep.fit import cut
from mlxr.prep.sandbox import TemplateFailedError
from mlxr.prep.shapes import BadRowError, Conversation, Shape
from mlxr.prep.sources import Row
from mlxr.prep.split import overlap_key
from mlxr.prep.tally import Tally
from mlxr.prep.tokens import Refused, Tokenizer, Tokens, prompt_sha256
from mlxr.recipe import Recipe

CHUNK = 256
"""Rows tokenised together."""


@dataclass(slots=True)
class Entry:
    """What is remembered of a record whose line lies in the spool."""

    start: int
    size: int
    split: str | None
    key: str
    """Equal for records with the same prompt."""
    id: str
    place: str
    tokens: int
    targets: int
    codes: tuple[str, ...]
    """The findings that it is an instance of."""


@dataclass(frozen=True)
class Shaped:
    """A row that became a conversation."""

    row: Row
    conversation: Conversation
    category: str | None


class Spool:
    """A file of records in the order of their making."""

    def __init__(self, path: Path) -> None:
        self._stream: IO[bytes] = path.open("w+b")
        self._end = 0

    def add(self, line: bytes) -> int:
        """Append a line and return where it starts."""
        start = self._end
        self._stream.write(line)
        self._end += len(line)
        return start

    def lines(self, entries: Iterable[Entry]) -> Iterator[bytes]:
        """Yield the lines of `entries` in their order."""
        for entry in entries:
            self._stream.seek(entry.start)
            yield self._stream.read(entry.size)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class Maker:
    """Makes records of rows by one recipe."""

    def __init__(
        self, recipe: Recipe, shape: Shape, tokenizer: Tokenizer, spool: Spool, tally: Tally
    ) -> None:
        self._train = recipe.train
        self._category = recipe.compare.category
        self._shape = shape
        self._tokenizer = tokenizer
        self._spool = spool
        self._tally = tally
        self._seen: Counter[str] = Counter()

    def chunks(self, rows: Iterable[Row]) -> Iterator[list[Entry]]:
        """Yield the entries of CHUNK rows at a time; what cannot be used is tallied."""
        line = iter(rows)
        while chunk := list(islice(line, CHUNK)):
            self._tally.rows += len(chunk)
            yield self._entries([s for row in chunk if (s := self._shaped(row)) is not None])

    def _shaped(self, row: Row) -> Shaped | None:
        try:
            conversation = self._shape(row.values)
            return Shaped(row, conversation, _category(row, self._category))
        except TemplateFailedError as error:
            self._tally.add("template-failed", row.split, row.place, str(error))
        except BadRowError as error:
            self._tally.add("bad-row", row.split, row.place, str(error))
        return None

    def _entries(self, shaped: Sequence[Shaped]) -> list[Entry]:
        encoded = self._tokenizer.encode_all([each.conversation for each in shaped])
        entries = []
        for each, tokens in zip(shaped, encoded, strict=True):
            if isinstance(tokens, Refused):
                self._tally.add("bad-row", each.row.split, each.row.place, tokens.reason)
            elif fitted := self._fitted(each, tokens):
                entries.append(self._entry(each, *fitted))
        return entries

    def _fitted(self, each: Shaped, tokens: Tokens) -> tuple[Conversation, Tokens, bool] | None:
        """Return what remains under `too_long`, and whether the record was too long."""
        limit = self._train.max_seq_length
        if len(tokens.ids) <= limit:
            return each.conversation, tokens, False
        self._tally.longest = max(self._tally.longest, len(tokens.ids))
        if self._train.too_long == "error":
            return each.conversation, tokens, True
        if self._train.too_long == "truncate" and (
            shorter := cut(each.conversation, self._tokenizer, limit)
        ):
            return *shorter, True
        self._tally.add("too-long", each.row.split, each.row.place, "left out")
        return None

    def _entry(self, each: Shaped, kept: Conversation, tokens: Tokens, long: bool) -> Entry:
        content = sha256(each.conversation.to_json())[:16]
        self._seen[content] += 1
        name = f"{content}-{self._seen[content]}"
        about = _about(name, each, tokens)
        line = (json_line({**kept.to_json(), "mlxr": about}) + "\n").encode()
        codes = faults(kept, tokens, self._tokenizer, self._train)
        return Entry(
            start=self._spool.add(line),
            size=len(line),
            split=each.row.split,
            key=overlap_key(each.conversation),
            id=name,
            place=each.row.place,
            tokens=len(tokens.ids),
            targets=tokens.targets(self._train.max_seq_length, self._train.mask_prompt),
            codes=("too-long", *codes) if long else codes,
        )


def _about(name: str, each: Shaped, tokens: Tokens) -> dict[str, Any]:
    category = {} if each.category is None else {"category": each.category}
    return {
        "id": name,
        "source": each.row.file,
        "row": each.row.number,
        "tokens": len(tokens.ids),
        "offset": tokens.offset,
        "prompt_sha256": prompt_sha256(tokens.prompt),
        **category,
    }


def _category(row: Row, column: str | None) -> str | None:
    if column is None:
        return None
    if column not in row.values:
        there = ", ".join(map(str, row.values))
        raise BadRowError(f"no column '{column}', which compare.category names (there are {there})")
    value = row.values[column]
    return value if isinstance(value, str) else json_line(value)
