"""A training row once more, with other entities in its text and its answer alike.

    Lunch with Ana at the Blue Door    {"attendees": ["Ana"], "location": "the Blue Door"}
    Lunch with Bo Lind at Mill Café    {"attendees": ["Bo Lind"], "location": "Mill Café"}

Only what stands verbatim and as whole words in another column than the answer's own is swapped,
and a copy in which text and answer no longer agree is given up. What is written without spaces
between words (Chinese, Japanese, Thai) has no whole words here, so it is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from mlxr.prep.augment.pools import Pools, steps, texts_at

_BEFORE = r"(?<!\w)(?<!\w[-@.])"
_AFTER = r"(?![-@.]?\w|[\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0900-\u0963\u0966-\u109f])"
"""The edges of whole words: not within "Ana-Maria" or "ana@b.org", nor before the accents and
vowel signs that continue a word, though `re` does not count them as letters."""
_STARTS, _ENDS = re.compile(_BEFORE), re.compile(_AFTER)


def swappable(values: Mapping[str, Any], swap: Mapping[str, str]) -> dict[str, str]:
    """Return the entities of a row that its text has too, each with the name of its pool.

    `swap` maps paths to pools. An entity that is part of another is left out.
    """
    found: dict[str, str] = {}
    known = {entity for path in swap for entity in texts_at(values, path)}
    for path, pool in swap.items():
        texts = list(_texts(_others(values, steps(values, path)[0])))
        for entity in texts_at(values, path):
            within = any(entity in other for other in known if other != entity)
            if not within and _stands(entity, texts):
                found.setdefault(entity, pool)
    return found


def swapped(
    values: Mapping[str, Any],
    entities: Mapping[str, str],
    swap: Mapping[str, str],
    pools: Pools,
    random: Random,
) -> dict[str, Any] | None:
    """Return the row with its `entities` replaced, all at once, or None where that fails.

    An entity for which its pool has no replacement that is new to the row stays.
    """
    taken, chosen = list(_texts(values)), dict[str, str]()
    for entity, pool in entities.items():
        for other in _shuffled(pools[pool], random):
            if not _stands(other, taken) and not any(_stands(e, [other]) for e in entities):
                chosen[entity] = other
                taken.append(other)
                break
    if not chosen:
        return None
    pattern = re.compile(f"{_BEFORE}(?:{'|'.join(map(re.escape, chosen))}){_AFTER}")
    new = {
        key: _mapped(value, lambda text: pattern.sub(lambda match: chosen[match[0]], text))
        for key, value in values.items()
    }
    roots = {steps(values, path)[0] for path in swap}
    return new if all(_agree(values, new, root) for root in roots) else None


def _agree(values: Mapping[str, Any], new: Mapping[str, Any], root: str) -> bool:
    """Tell whether whatever of the answer stood in the text still does."""
    before, after = (list(_texts(_others(row, root))) for row in (values, new))
    answers = zip(_texts(values.get(root)), _texts(new.get(root)), strict=True)
    return all(_stands(now, after) for was, now in answers if _stands(was, before))


def _shuffled(pool: Sequence[str], random: Random) -> Iterator[str]:
    """Yield a pool from a random place onwards: the first nearly always serves."""
    start = random.randrange(len(pool))
    return (pool[(start + i) % len(pool)] for i in range(len(pool)))


def _stands(entity: str, texts: Iterable[str]) -> bool:
    """Tell whether `entity` stands as whole words in one of `texts`."""
    return any(
        _STARTS.match(text, at) and _ENDS.match(text, at + len(entity))
        for text in texts
        for at in _places(entity, text)
    )


def _places(entity: str, text: str) -> Iterator[int]:
    at = text.find(entity)
    while at >= 0:
        yield at
        at = text.find(entity, at + 1)


def _others(values: Mapping[str, Any], root: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != root}


def _texts(value: Any) -> Iterator[str]:
    """Yield every text within a value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with every text changed and all else as it is."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(inner, change) for inner in value]
    if isinstance(value, dict):
        return {key: _mapped(inner, change) for key, inner in value.items()}
    return value
