"""New training rows for small data: written by a template, and copies with entities swapped.

A row template is a Jinja file in the same sandbox as every other; it writes one JSON object, a
row as the source has it:

    {% set who = pick("guest") %}
    {{ {"event_text": "Lunch with " ~ who, "output": {"attendees": [who]}} | to_json }}

`pick("guest")` draws an entity from a pool (or from a list), `pick("guest", 2)` a list of two
different ones, `chance(0.3)` is true three times in ten, `number(1, 12)` a whole number with both
ends. What a row draws follows from the seed and its number alone: row 7 of 10 is row 7 of 1,000.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from random import Random
from typing import Any

from mlxr.errors import MlxrError
from mlxr.prep.augment.pools import Pools, column_texts, fill, pool_named
from mlxr.prep.augment.swap import swappable, swapped
from mlxr.prep.sources.source import Row
from mlxr.prep.split import rank
from mlxr.prep.template import RowTemplate
from mlxr.recipe import Augment

WRITTEN, SWAPPED = "augment/template", "augment/swap"
"""What new rows have for their file."""
_TRIES = 1000
"""Draws for a row before the template is held to know no other."""
_SWAP_TRIES = 20


def augment(settings: Augment, rows: Sequence[Row], seed: int) -> Iterator[Row]:
    """Yield the new rows to be trained on beside `rows`, which are the training rows only.

    No two are equal, and none equals one of `rows`. Raises MlxrError on a pool, path or template
    that cannot serve.
    """
    pools = fill(settings.pools, rows, seed)
    for path in settings.swap:
        column_texts("augment.swap", path, rows)
    seen = {_content(row.values) for row in rows}
    written: Iterable[Row] = ()
    if settings.template and settings.rows:
        written = _written(RowTemplate(Path(settings.template)), settings.rows, pools, seed, seen)
    return chain(written, _copies(settings, rows, pools, seed, seen))


def _written(
    template: RowTemplate, rows: int, pools: Pools, seed: int, seen: set[str]
) -> Iterator[Row]:
    for number in range(1, rows + 1):
        draws = (_draws(pools, _random(seed, WRITTEN, number, i)) for i in range(_TRIES))
        values = _first_new(map(template.render, draws), seen)
        if values is None:
            raise MlxrError(
                f"{template.path.name} writes only {number - 1:,} different rows, not {rows:,}: "
                f"{_TRIES:,} more draws gave none that is new.",
                "Lower augment.rows, or give the template more to pick from.",
            )
        yield Row(file=WRITTEN, number=number, split="train", values=values)


def _copies(
    settings: Augment, rows: Sequence[Row], pools: Pools, seed: int, seen: set[str]
) -> Iterator[Row]:
    """Yield every row's first copy, then every row's second: more swaps only add to the end."""
    found = [(row.values, swappable(row.values, settings.swap)) for row in rows]
    numbers, made = count(1), -1
    for copy in range(settings.swaps or 0):
        if made == len(seen):  # a whole round gave no copy that is new, nor will the next
            return
        made = len(seen)
        for values, entities in found:
            if not entities:
                continue
            content = _content(values)
            tries = (
                swapped(values, entities, settings.swap, pools, _random(seed, content, copy, i))
                for i in range(_SWAP_TRIES)
            )
            new = _first_new(tries, seen)
            if new is not None:
                yield Row(file=SWAPPED, number=next(numbers), split="train", values=new)


def _draws(pools: Pools, random: Random) -> dict[str, Callable[..., Any]]:
    """Return what a row template draws with."""

    def pick(pool: str | Sequence[Any], number: int | None = None) -> Any:
        entities = pool_named(pool, pools) if isinstance(pool, str) else list(pool)
        wanted = 1 if number is None else number
        if wanted > len(entities):
            named = f'the pool "{pool}"' if isinstance(pool, str) else "the list"
            raise MlxrError(
                f"{named} has only {len(entities)} to pick from, not {wanted}.",
                "Pick fewer, or give it more.",
            )
        picked = random.sample(entities, wanted)
        return picked[0] if number is None else picked

    return {
        "pick": pick,
        "chance": lambda share: random.random() < share,
        "number": random.randint,
    }


def _first_new(
    candidates: Iterable[dict[str, Any] | None], seen: set[str]
) -> dict[str, Any] | None:
    """Return the first candidate that is not in `seen`, and add it there."""
    for values in candidates:
        if values is not None and (content := _content(values)) not in seen:
            seen.add(content)
            return values
    return None


def _content(values: Mapping[str, Any]) -> str:
    """Return what equal rows share, whatever the order of their keys."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _random(seed: int, *words: object) -> Random:
    return Random(rank(seed, *map(str, words)))
