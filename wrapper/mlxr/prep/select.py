"""Which rows of the source are taken: those for which `where` holds, at most `limit` of them."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator

from mlxr.prep.sandbox import Condition, TemplateFailedError
from mlxr.prep.sources import Row, Source
from mlxr.prep.split import rank
from mlxr.prep.tally import Tally
from mlxr.recipe import Recipe


def select(source: Source, recipe: Recipe, tally: Tally) -> Iterator[Row]:
    """Yield the rows to prepare in the source's order; a row on which `where` fails is tallied.

    `limit` counts over all parts of the source. Which rows it takes follows from the seed and
    each row's own content, so that adding rows elsewhere displaces only some of them.
    """
    rows = _counted(source.rows(), tally)
    if recipe.data.where:
        rows = _where(rows, Condition(recipe.data.where), tally)
    if recipe.data.limit is None:
        return rows
    chosen = heapq.nsmallest(
        recipe.data.limit, enumerate(rows), key=lambda item: _rank(recipe.seed, item[1])
    )
    return (row for _, row in sorted(chosen, key=lambda item: item[0]))


def _counted(rows: Iterator[Row], tally: Tally) -> Iterator[Row]:
    for row in rows:
        tally.read += 1
        yield row


def _where(rows: Iterator[Row], condition: Condition, tally: Tally) -> Iterator[Row]:
    for row in rows:
        try:
            if condition.holds(row.values):
                yield row
        except TemplateFailedError as error:
            tally.rows += 1
            tally.add("template-failed", row.split, row.place, str(error))


def _rank(seed: int, row: Row) -> int:
    content = json.dumps(row.values, sort_keys=True, default=str, ensure_ascii=True)
    return rank(seed, "limit", content)
