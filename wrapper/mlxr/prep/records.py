"""From rows to records: shaped, tokenised, checked, and kept in a spool until they have a split.

A record is one line of train.jsonl, valid.jsonl or test.jsonl. mlx-lm reads its messages (and
tools), or its text, and ignores the key `mlxr`:

    {"messages": [{"role": "user", "content": "Lunch on Friday"}, {"role": "assistant", …}],
     "mlxr": {"id": "5f1d0c2b9a3e4f60-1", "source": "events.jsonl", "row": 17, "tokens": 41,
              "offset": 12, "prompt_sha256": "…"}}

A conversation with several answers becomes one record for each where the prompt is masked: plain
mlx-lm would train on the last one only. `turn` is then the place of its answer, and `cluster`
what its records share: they are not independent of one another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

from mlxr.files import json_line, sha256
from mlxr.prep.audit.content import Content
from mlxr.prep.audit.content import read as read_content
from mlxr.prep.audit.faults import faults, left_out
from mlxr.prep.audit.tally import Tally
from mlxr.prep.conversation import BadRowError, Conversation, Example
from mlxr.prep.entry import Entry, Spool
from mlxr.prep.fit import cut
from mlxr.prep.label import desirable
from mlxr.prep.sandbox import TemplateFailedError, names
from mlxr.prep.shapes import Shape
from mlxr.prep.sources.source import Row
from mlxr.prep.split import overlap_key
from mlxr.prep.tokens import Refused, Tokenizer, Tokens, prompt_sha256
from mlxr.recipe import Recipe

CHUNK = 256
"""Rows tokenised together."""


class Columns(NamedTuple):
    """What the recipe asks of a row besides its example."""

    category: str | None
    group: str | None
    stratum: str | None
    desirable: bool | None


class Shaped(NamedTuple):
    """What one answer of a row trains on."""

    row: Row
    number: int
    """The row's number among those taken, from 0."""
    example: Example
    turn: int | None
    """Place of the answer in its conversation, where several answers of a row become records."""
    last: bool
    columns: Columns


class Made(NamedTuple):
    """A record as it will be trained."""

    shaped: Shaped
    example: Example
    """The row's, unless it was too long."""
    tokens: Tokens
    codes: tuple[str, ...]
    """The findings that it is an instance of by its tokens."""


class Maker:
    """Makes records of rows by one recipe."""

    def __init__(self, recipe: Recipe, shape: Shape, tokenizer: Tokenizer, tally: Tally) -> None:
        self._recipe = recipe
        self._train = recipe.train
        self._expands = recipe.train.mask_prompt and recipe.data.turns == "all"
        self._shape = shape
        self._tokenizer = tokenizer
        self._tally = tally
        self._rows = 0

    def made(self, rows: Iterable[Row]) -> Iterator[list[Made]]:
        """Yield the records of CHUNK rows at a time; what cannot be used is tallied.

        While a chunk is tokenised, the next one is read and shaped.
        """
        line = iter(rows)
        with ThreadPoolExecutor(max_workers=1) as pool:
            before: tuple[list[Shaped], Future[list[Tokens | Refused]]] | None = None
            while chunk := list(islice(line, CHUNK)):
                shaped = [each for row in chunk for each in self._shaped(row)]
                texts = self._tokenizer.render([each.example for each in shaped])
                after = shaped, pool.submit(self._tokenizer.tokenise, texts)
                if before:
                    yield self._checked(before[0], before[1].result())
                before = after
            if before:
                yield self._checked(before[0], before[1].result())

    def _shaped(self, row: Row) -> list[Shaped]:
        number = self._rows
        self._rows += 1
        self._tally.rows += 1
        try:
            example = self._shape(row.values)
            columns = self._columns(row)
        except TemplateFailedError as error:
            self._tally.add("template-failed", row.split, row.place, str(error))
        except BadRowError as error:
            self._tally.add("bad-row", row.split, row.place, str(error))
        else:
            if self._recipe.data.undesirable != "drop" or columns.desirable is not False:
                return list(self._turns(row, number, example, columns))
        return []

    def _turns(self, row: Row, number: int, example: Example, columns: Columns) -> Iterator[Shaped]:
        """Yield the records that an example becomes, that of its last answer last."""
        answers = example.answers if isinstance(example, Conversation) else []
        if len(answers) > 1 and self._expands and isinstance(example, Conversation):
            for place in answers[:-1]:
                yield Shaped(row, number, example.until(place), place, False, columns)
            yield Shaped(row, number, example, answers[-1], True, columns)
        else:
            yield Shaped(row, number, example, None, True, columns)

    def _columns(self, row: Row) -> Columns:
        data, splits = self._recipe.data, self._recipe.data.splits
        return Columns(
            category=_category(row, self._recipe.compare.category),
            group=_text_of(row.values.get(splits.group)) if splits.group else None,
            stratum=_text_of(row.values.get(splits.stratify)) if splits.stratify else None,
            desirable=desirable(row.values, data.label, templated=bool(data.template)),
        )

    def _checked(self, shaped: Sequence[Shaped], encoded: Sequence[Tokens | Refused]) -> list[Made]:
        made = []
        for each, tokens in zip(shaped, encoded, strict=True):
            if isinstance(tokens, Refused):
                self._tally.add("bad-row", each.row.split, each.row.place, tokens.reason)
            elif fitted := self._fitted(each, tokens):
                made.append(self._made(each, *fitted))
        return made

    def _fitted(self, each: Shaped, tokens: Tokens) -> tuple[Example, Tokens, bool] | None:
        """Return what remains under `too_long`, and whether the record was too long."""
        limit = self._train.max_seq_length
        if len(tokens.ids) <= limit:
            return each.example, tokens, False
        self._tally.longest = max(self._tally.longest, len(tokens.ids))
        if self._train.too_long == "error":
            return each.example, tokens, True
        if self._train.too_long == "truncate" and (
            shorter := cut(each.example, tokens, self._tokenizer, limit)
        ):
            return *shorter, True
        self._tally.add("too-long", each.row.split, each.row.place, "left out")
        return None

    def _made(self, each: Shaped, kept: Example, tokens: Tokens, long: bool) -> Made:
        lost = left_out(kept, tokens.rendered)
        codes = (*lost, *faults(kept, tokens, self._tokenizer, self._train))
        if long:
            codes = ("too-long", *codes)
        if each.last and self._train.mask_prompt and self._untrained(each):
            codes = (*codes, "untrained-turns")
        return Made(each, kept, tokens, codes)

    def _untrained(self, each: Shaped) -> bool:
        """Tell whether plain mlx-lm would train on only one of several answers of a row."""
        return isinstance(each.example, Conversation) and len(each.example.answers) > 1


class Recorder:
    """Writes records to a spool and keeps an entry of each."""

    def __init__(self, recipe: Recipe, spool: Spool) -> None:
        self._train = recipe.train
        self._spool = spool
        self._seen: Counter[str] = Counter()

    def entry(self, made: Made) -> Entry:
        """Write one record and return its entry."""
        each, columns = made.shaped, made.shaped.columns
        body = json_line(made.example.to_json())
        digest = sha256(each.example.to_json())[:16]
        self._seen[digest] += 1
        name = f"{digest}-{self._seen[digest]}"
        about = json_line(_about(name, made))
        line = f'{body[:-1]}, "mlxr": {about}}}\n'.encode()
        return Entry(
            start=self._spool.add(line),
            size=len(line),
            row=each.number,
            last=each.last,
            split=each.row.split,
            key=overlap_key(each.example),
            id=name,
            place=each.row.place,
            tokens=len(made.tokens.ids),
            targets=made.tokens.targets(self._train.max_seq_length, self._train.mask_prompt),
            codes=made.codes,
            content=_content(made),
            category=columns.category,
            group=columns.group,
            stratum=columns.stratum,
            desirable=columns.desirable,
        )


def _about(name: str, made: Made) -> dict[str, Any]:
    each, columns = made.shaped, made.shaped.columns
    told = {
        "turn": each.turn,
        "category": columns.category,
        "cluster": columns.group or (each.row.place if each.turn is not None else None),
        "desirable": columns.desirable,
    }
    return {
        "id": name,
        "source": each.row.file,
        "row": each.row.number,
        "tokens": len(made.tokens.ids),
        "offset": made.tokens.offset,
        "prompt_sha256": prompt_sha256(made.tokens.prompt),
        **{key: value for key, value in told.items() if value is not None},
    }


def _content(made: Made) -> Content | None:
    example = made.shaped.example
    if not isinstance(example, Conversation):
        return None
    return read_content(example, made.shaped.columns.desirable)


def _category(row: Row, column: str | None) -> str | None:
    if column is None:
        return None
    if column not in row.values:
        raise BadRowError(
            f"no column '{column}', which compare.category names (there are {names(row.values)})"
        )
    return _text_of(row.values[column])


def _text_of(value: Any) -> str | None:
    """Return a column's value as text: true and false as in JSON, all else as Python has it.

    None where there is none: a null, CSV's empty cell, or the NaN that stands for either.
    """
    if isinstance(value, bool):
        return json_line(value)
    missing = value is None or value == "" or value != value
    return None if missing else str(value)
