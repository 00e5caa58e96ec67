"""The recipe's `[augment]`: training rows from a template, and copies with entities swapped."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, model_validator

from mlxr.recipe.table import Positive, Table, Text

Count = Annotated[int, Field(ge=0)]


class Pool(Table):
    """Entities that are not given: read from the training rows, or made with Faker."""

    column: Text | None = None
    """Path in a training row, as "output.location"."""
    faker: Text | None = None
    """What Faker makes: "name", "city", "company" and so on."""
    count: Positive = 200
    """faker: at most this many different entities."""
    locale: Text = "en_US"
    """faker: language and country."""

    @model_validator(mode="after")
    def _one_origin(self) -> Pool:
        if (self.column is None) == (self.faker is None):
            raise ValueError("needs `column` (a path in the rows) or `faker` (what to make)")
        return self


def _not_empty(entities: list[str]) -> list[str]:
    if not entities:
        raise ValueError("is an empty list")
    return entities


def _form(value: object) -> str | None:
    if isinstance(value, list):
        return "pool-list"
    return "pool-table" if isinstance(value, dict | Pool) else None


AnyPool = Annotated[
    Annotated[list[Text], AfterValidator(_not_empty), Tag("pool-list")]
    | Annotated[Pool, Tag("pool-table")],
    Discriminator(
        _form,
        custom_error_type="pool",
        custom_error_message="a list of texts, { column = … } or { faker = … }",
    ),
]
"""A list of entities, or where they come from."""


def _dotted(value: Any) -> Any:
    """Return tables in tables, as TOML reads a.b = "c" without quotes, as {"a.b": "c"}."""
    if not isinstance(value, dict):
        return value
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        under = _dotted(inner)
        flat |= {f"{key}.{k}": v for k, v in under.items()} if under is not inner else {key: inner}
    return flat


class Augment(Table):
    """New training rows; validation and test rows are never touched."""

    rows: Count | None = None
    """New rows written by `template`."""
    template: str | None = None
    """Jinja file that writes one JSON object: a row as the source has it."""
    swaps: Count | None = None
    """At most this many copies of each training row, with entities swapped by `swap`."""
    pools: dict[str, AnyPool] = Field(default_factory=dict)
    """Entities by the name of their pool: a list, { column = … } or { faker = … }."""
    swap: Annotated[
        dict[str, str], BeforeValidator(_dotted, json_schema_input_type=dict[str, Any])
    ] = Field(default_factory=dict)
    """Path of an entity in a row, as "output.location", and the pool of its replacements."""

    @model_validator(mode="after")
    def _whole(self) -> Augment:
        if (self.rows is None) != (self.template is None):
            raise ValueError("give `rows` (how many) and `template` (which writes one) together")
        if (self.swaps is None) != (not self.swap):
            raise ValueError("give `swaps` (copies of a row) and [augment.swap] together")
        if self.rows is None and self.swaps is None:
            raise ValueError("needs `rows` and `template`, or `swaps` and [augment.swap], or all")
        return self

    @model_validator(mode="after")
    def _known_pools(self) -> Augment:
        for path, pool in self.swap.items():
            if pool not in self.pools:
                close = get_close_matches(pool, self.pools, n=1)
                there = f"did you mean {close[0]}?" if close else ", ".join(self.pools) or "none"
                raise ValueError(f'swap "{path}": there is no pool {pool} ({there})')
        return self
