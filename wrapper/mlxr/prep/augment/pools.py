"""Pools of entities: given in the recipe, read from the training rows, or made with Faker.

What Faker makes follows from the seed, the pool's name and Faker's version: another version may
make other names. The only importer of faker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mlxr.errors import MlxrError
from mlxr.prep.sources.source import Row
from mlxr.prep.split import rank
from mlxr.recipe import Pool
from mlxr.values import is_null

if TYPE_CHECKING:
    from faker import Faker

Pools = Mapping[str, Sequence[str]]
"""Different entities by the name of their pool."""


def fill(settings: Mapping[str, list[str] | Pool], rows: Sequence[Row], seed: int) -> Pools:
    """Return the entities of each pool; raises MlxrError on one that cannot be filled."""
    return {name: tuple(_entities(name, pool, rows, seed)) for name, pool in settings.items()}


def pool_named(name: str, pools: Pools) -> Sequence[str]:
    """Return the entities of a pool; raises MlxrError when there is none of that name."""
    if name not in pools:
        close = get_close_matches(name, pools, n=1)
        there = f"The pools are: {', '.join(pools)}." if pools else "Add it to [augment.pools]."
        raise MlxrError(
            f'there is no pool "{name}".', f"Did you mean {close[0]}?" if close else there
        )
    return pools[name]


def _entities(name: str, pool: list[str] | Pool, rows: Sequence[Row], seed: int) -> Iterable[str]:
    if isinstance(pool, list):
        return dict.fromkeys(pool)
    if pool.column is not None:
        return column_texts(f"augment.pools.{name}", pool.column, rows)
    return _made(name, pool, seed)


# The training rows.


def column_texts(key: str, path: str, rows: Sequence[Row]) -> Iterable[str]:
    """Return the different texts at `path` in `rows`.

    Raises MlxrError naming the recipe's `key` when there are none.
    """
    found = dict.fromkeys(text for row in rows for text in texts_at(row.values, path))
    if not found:
        there = list(dict.fromkeys(place for row in rows for place in _paths(row.values)))
        close = get_close_matches(path, there, n=1)
        raise MlxrError(
            f"{key}: no training row has a text at {path}.",
            (f"Did you mean {close[0]}? " if close else "")
            + (f"Texts stand at {', '.join(there)}." if there else "The rows hold no texts."),
        )
    return found


def steps(values: Mapping[str, Any], path: str) -> list[str]:
    """Return the keys that lead to `path`; a column may have dots in its own name."""
    return [path] if path in values else path.split(".")


def texts_at(values: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield the texts at a dotted path of a row, lists flattened, nulls ("n/a") left out."""
    found: list[Any] = [values]
    for key in steps(values, path):
        found = [each[key] for each in _flat(found) if isinstance(each, dict) and key in each]
    return (each for each in _flat(found) if isinstance(each, str) and not is_null(each))


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted path of every text."""
    for each in _flat([value]):
        if isinstance(each, dict):
            for key, inner in each.items():
                yield from _paths(inner, f"{prefix}.{key}" if prefix else str(key))
        elif isinstance(each, str):
            yield prefix


# Faker.


def _made(name: str, pool: Pool, seed: int) -> Iterable[str]:
    """Return at most `pool.count` different texts that Faker makes; raises MlxrError."""
    fake, method = _faker(name, pool.locale), str(pool.faker)
    generator = fake.factories[0]
    known = [key for key, value in vars(generator).items() if key[0] != "_" and callable(value)]
    if method not in known:
        close = get_close_matches(method, known, n=3)
        raise MlxrError(
            f"augment.pools.{name}: Faker makes no {method} in {pool.locale}.",
            f"Did you mean {', '.join(close)}?" if close else "See https://faker.readthedocs.io.",
        )
    fake.seed_instance(rank(seed, "faker", name))
    return _different(name, fake, method, pool.count)


def _different(name: str, fake: Faker, method: str, count: int) -> Iterable[str]:
    from faker.exceptions import UniquenessException

    found: dict[str, None] = {}
    try:
        for _ in range(count):
            entity = getattr(fake.unique, method)()
            if not isinstance(entity, str):
                raise TypeError(f"it makes a {type(entity).__name__}, and entities are texts")
            found[entity] = None
    except UniquenessException:  # it knows no more
        pass
    except Exception as error:
        raise MlxrError(
            f"augment.pools.{name}: Faker's {method} cannot fill a pool: {error}.",
            'Take one that makes texts by itself, as "name", "city" or "company".',
        ) from error
    return found


def _faker(name: str, locale: str) -> Faker:
    # Late, and not among the package's dependencies: 25 MB of names that few recipes draw on.
    try:
        from faker import Faker
        from faker.config import AVAILABLE_LOCALES
    except ImportError:
        raise MlxrError(
            f"augment.pools.{name} is made with Faker, which is not installed.",
            "pip install 'mlxr[augment]'",
        ) from None
    if locale not in AVAILABLE_LOCALES:
        close = get_close_matches(locale, sorted(AVAILABLE_LOCALES), n=3)
        raise MlxrError(
            f"augment.pools.{name}: Faker has no locale {locale}.",
            f"Did you mean {', '.join(close)}?" if close else "As en_GB, de_DE or ja_JP.",
        )
    return Faker(locale)
