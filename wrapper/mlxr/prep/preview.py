"""The first rows of a recipe's source as they would be trained, token by token.

Needs the model's tokenizer and config alone, and nothing prepared. What takes all rows to know
(splits, copies, made-up rows) is left to prep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from mlxr.errors import MlxrError
from mlxr.events import Display, Step
from mlxr.prep.audit.findings import FINDINGS
from mlxr.prep.audit.tally import Tally
from mlxr.prep.records import Made, Maker
from mlxr.prep.shapes import Shape, shape_of
from mlxr.prep.sources.select import select
from mlxr.prep.sources.source import Row, open_sources
from mlxr.prep.tokens import Tokenizer, load_tokenizer
from mlxr.recipe import Recipe

Part = Literal["masked", "trained", "cut off"]
"""What training does with a token: reads it only, learns to write it, never sees it."""


@dataclass(frozen=True)
class Token:
    """One token of a record."""

    id: int
    raw: bytes
    """Its part of the text in UTF-8; a character may be cut between tokens."""
    special: bool
    part: Part


@dataclass(frozen=True)
class Shown:
    """A record as the model will see it."""

    place: str
    """The row, as "file:row"."""
    turn: int | None
    """Place of the answer in its conversation, where several answers of a row become records."""
    findings: tuple[str, ...]
    """What the audit will find in it; copies and splits are known to prep only."""
    offset: int
    """Tokens of the prompt."""
    tokens: tuple[Token, ...]

    @property
    def trained(self) -> int:
        """The tokens that the loss counts."""
        return sum(token.part == "trained" for token in self.tokens)


@dataclass(frozen=True)
class Unusable:
    """Rows that become no record, up to three of them named, and why."""

    code: str
    places: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Preview:
    """What was looked at."""

    shown: tuple[Shown, ...]
    unusable: tuple[Unusable, ...]

    @property
    def places(self) -> list[str]:
        """The rows that are named, as "file:row"."""
        unusable = (place for each in self.unusable for place in each.places)
        return [*(each.place for each in self.shown), *unusable]


def preview(
    recipe: Recipe, display: Display, count: int = 3, places: Sequence[str] = ()
) -> Preview:
    """Return the first `count` rows that `recipe` takes, or those at `places`.

    A place is "file:row", or "row" alone. A row of several answers becomes several records.
    Raises MlxrError where none of the rows can be used or one of `places` is not among those
    taken, and on what else is wrong with recipe, source, template or model.
    """
    shape = shape_of(recipe)
    sources = open_sources(recipe.data)
    display.show(Step("Loading the tokenizer."))
    tokenizer = load_tokenizer(recipe)
    display.show(Step("Reading rows."))
    tally, asked = Tally(), set(places)
    rows = select(sources, recipe, tally)
    if asked:
        rows = (row for row in rows if asked & _names(row.place))
    looks = (_look(row, recipe, shape, tokenizer) for row in rows)
    looked = list(islice((look for look in looks if look.places), len(asked) or count))
    shown = tuple(each for look in looked for each in look.shown)
    unusable = (*_unusable(tally), *(each for look in looked for each in look.unusable))
    missing = asked.difference(*(_names(place) for look in looked for place in look.places))
    if missing:
        raise _missing(sorted(missing), _unusable(tally))
    if not shown:
        raise _nothing(unusable, tally)
    return Preview(shown, unusable)


def _names(place: str) -> set[str]:
    """Return what a user may call a row at "file:row"."""
    return {place, place.rpartition(":")[2]}


def _look(row: Row, recipe: Recipe, shape: Shape, tokenizer: Tokenizer) -> Preview:
    """Return the records of one row, or why there are none; neither where it is left out."""
    tally = Tally()
    maker = Maker(recipe, shape, tokenizer, tally)
    shown = [_shown(each, recipe, tokenizer) for made in maker.made([row]) for each in made]
    return Preview(tuple(shown), _unusable(tally))


def _shown(made: Made, recipe: Recipe, tokenizer: Tokenizer) -> Shown:
    train, offset = recipe.train, made.tokens.offset
    first = max(offset if train.mask_prompt else 0, 1)  # nothing predicts the first token

    def part(place: int) -> Part:
        if place >= train.max_seq_length:
            return "cut off"
        return "trained" if place >= first else "masked"

    pieces = enumerate(tokenizer.pieces.of(made.tokens.ids))
    tokens = tuple(Token(each.id, each.raw, each.special, part(i)) for i, each in pieces)
    codes = (code for code in made.codes if code != "untrained-turns" or recipe.data.turns != "all")
    return Shown(made.shaped.row.place, made.shaped.turn, tuple(codes), offset, tokens)


def _unusable(tally: Tally) -> tuple[Unusable, ...]:
    return tuple(
        Unusable(code, tuple(tally.examples[code]), "; ".join(tally.reasons[code]))
        for code in tally.counts
    )


def _missing(names: Sequence[str], unusable: Sequence[Unusable]) -> MlxrError:
    return MlxrError(
        f"The recipe takes no row {' or '.join(names)}.{_reasons(unusable)}",
        "Name a row as the audit does, as in --row rows.jsonl:17; `where`, `limit`, weights and "
        "`undesirable` leave rows out.",
    )


def _nothing(unusable: Sequence[Unusable], tally: Tally) -> MlxrError:
    if not unusable:
        return MlxrError(
            f"The recipe takes none of the {tally.read:,} rows of the source.",
            "Check `where`, `limit` and `undesirable` under [data].",
        )
    return MlxrError(
        f"None of the rows looked at can be used:{_reasons(unusable)}",
        FINDINGS[unusable[0].code].fix,
    )


def _reasons(unusable: Sequence[Unusable]) -> str:
    lines = (f"\n  {', '.join(each.places)}: {each.code}: {each.reason}" for each in unusable)
    return "".join(lines)
