"""Which rows are taken: those for which `where` holds, by weight, at most `limit` of them.

Where some are left out, the sources are read twice: once to rank the rows, once to take the
chosen ones, so that no row has to be kept in memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from mlxr.errors import MlxrError
from mlxr.prep.audit.tally import Tally
from mlxr.prep.proportion import shared
from mlxr.prep.sandbox import Condition, TemplateFailedError
from mlxr.prep.sources.source import Row, Source
from mlxr.prep.split import rank
from mlxr.recipe import Recipe

Ranks = list[tuple[int, int]]
"""Of one source: each row's rank and its number in the source, from 0."""


def select(sources: Sequence[Source], recipe: Recipe, tally: Tally) -> Iterator[Row]:
    """Yield the rows to prepare in the sources' order; a row on which `where` fails is tallied.

    Which rows a limit or weights take follows from the seed and each row's own content, so that
    adding rows elsewhere displaces only some of them. A row is never taken twice.
    """
    data = recipe.data
    condition = Condition(data.where) if data.where else None
    if all(source.weight is None for source in sources):
        sources = [Source(tuple(part for source in sources for part in source.parts))]
    weights = [source.weight or 1.0 for source in sources]
    if data.streaming and data.limit is not None:
        room = shared(data.limit, weights)
        return chain.from_iterable(
            (row for _, row in islice(_taken(source, condition, tally), most))
            for source, most in zip(sources, room, strict=True)
        )
    if data.limit is None and len(sources) == 1:
        return (row for _, row in _taken(sources[0], condition, tally))
    ranks = [
        [(_rank(recipe.seed, row), number) for number, row in _taken(source, condition, tally)]
        for source in sources
    ]
    _check_shares(sources, ranks)
    room = quotas([len(each) for each in ranks], weights, data.limit)
    return chain.from_iterable(map(_chosen, sources, ranks, room))


def _taken(source: Source, condition: Condition | None, tally: Tally) -> Iterator[tuple[int, Row]]:
    """Yield the rows for which `condition` holds, numbered as they stand in the source."""
    for number, row in enumerate(source.rows()):
        tally.read += 1
        try:
            if condition is None or condition.holds(row.values):
                yield number, row
        except TemplateFailedError as error:
            tally.rows += 1
            tally.add("template-failed", row.split, row.place, str(error))


def _check_shares(sources: Sequence[Source], ranks: Sequence[Ranks]) -> None:
    """Raise MlxrError on a source that has no row to give where others should match its part."""
    for source, each in zip(sources, ranks, strict=True):
        if not each and len(sources) > 1:
            raise MlxrError(
                f"data.where leaves no row of {source.parts[0].name}, which has a weight.",
                "Change data.where, or leave that source out of data.source.",
            )


def quotas(sizes: Sequence[int], weights: Sequence[float], limit: int | None) -> list[int]:
    """Return how many rows to take of each source: as many as their weights and `limit` allow."""
    whole = sum(weights)
    most = int(min(size * whole / part for size, part in zip(sizes, weights, strict=True)) + 1e-9)
    return shared(most if limit is None else min(limit, most), weights)


def _chosen(source: Source, ranks: Ranks, room: int) -> Iterator[Row]:
    """Yield the `room` rows of lowest rank, in the source's order."""
    chosen = {number for _, number in sorted(ranks)[:room]}
    return (row for number, row in enumerate(source.rows()) if number in chosen)


def _rank(seed: int, row: Row) -> int:
    content = json.dumps(row.values, sort_keys=True, default=str, ensure_ascii=True)
    return rank(seed, "limit", content)
