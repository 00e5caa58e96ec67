from __future__ import annotations

import sys
from typing import Any

import pytest

from mlxr.errors import MlxrError
from mlxr.prep.augment.pools import fill, pool_named
from mlxr.prep.sources.source import Row
from mlxr.recipe import Pool


def rows(*values: dict[str, Any]) -> list[Row]:
    return [Row(file="r", number=i, split="train", values=v) for i, v in enumerate(values, 1)]


def column(path: str, *values: dict[str, Any]) -> list[str]:
    return list(fill({"p": Pool(column=path)}, rows(*values), 1)["p"])


def faker(name: str = "p", seed: int = 1, **settings: Any) -> list[str]:
    return list(fill({name: Pool(**settings)}, [], seed)[name])


def test_given_entities_are_taken_once_each() -> None:
    assert fill({"p": ["Bo", "Ana", "Bo"]}, [], 1) == {"p": ("Bo", "Ana")}


def test_a_column_gives_its_different_texts_without_nulls() -> None:
    outputs = [None, "Paris", "n/a", "", "Oslo", "Paris", 7]
    assert column("output.at", *[{"output": {"at": at}} for at in outputs]) == ["Paris", "Oslo"]


def test_lists_are_flattened_on_the_way_and_at_the_end() -> None:
    row = {"calls": [{"to": ["Ana", "Bo"]}, {"to": "Cy"}, {"cc": "Di"}, None]}
    assert column("calls.to", row) == ["Ana", "Bo", "Cy"]


def test_a_column_may_have_a_dot_in_its_name() -> None:
    assert column("output.at", {"output.at": "Paris"}) == ["Paris"]


def test_a_column_without_texts_is_named_with_those_that_have_some() -> None:
    row = {"text": "Lunch", "output": {"guests": ["Ana"], "hour": 3, "at": None}}
    with pytest.raises(MlxrError) as raised:
        column("output.gusts", row)
    assert raised.value.message == "augment.pools.p: no training row has a text at output.gusts."
    assert raised.value.hint == "Did you mean output.guests? Texts stand at text, output.guests."


def test_an_unknown_pool_is_named_with_the_likeliest() -> None:
    with pytest.raises(MlxrError, match='there is no pool "gest"') as raised:
        pool_named("gest", {"guest": ["Ana"], "place": ["Oslo"]})
    assert raised.value.hint == "Did you mean guest?"
    with pytest.raises(MlxrError) as raised:
        pool_named("xyz", {"guest": ["Ana"], "place": ["Oslo"]})
    assert raised.value.hint == "The pools are: guest, place."


def test_faker_makes_different_entities_by_seed_and_name() -> None:
    names = faker(faker="name", count=50, locale="en_GB")
    assert len(set(names)) == 50
    assert names == faker(faker="name", count=50, locale="en_GB")
    assert names != faker(faker="name", count=50, locale="en_GB", seed=2)
    assert names != faker("other", faker="name", count=50, locale="en_GB")


def test_a_smaller_count_is_the_beginning_of_a_larger() -> None:
    assert faker(faker="city", count=5) == faker(faker="city", count=20)[:5]


def test_faker_gives_what_it_knows_where_that_is_less() -> None:
    assert len(faker(faker="day_of_week", count=50)) == 7


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"faker": "nmae"}, "Faker makes no nmae in en_US.", "Did you mean name"),
        ({"faker": "seed_instance"}, "Faker makes no seed_instance", ""),
        ({"faker": "_Generator__config"}, "Faker makes no _Generator", ""),
        ({"faker": "name", "locale": "en_UK"}, "Faker has no locale en_UK.", "Did you mean"),
        ({"faker": "random_int"}, "it makes a int, and entities are texts.", "Take one that"),
        ({"faker": "enum"}, "Faker's enum cannot fill a pool: ", "Take one that"),
    ],
)
def test_what_faker_cannot_make_is_said(settings: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(MlxrError) as raised:
        faker(**settings)
    assert raised.value.message.startswith("augment.pools.p: ")
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_without_faker_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "faker", None)
    with pytest.raises(MlxrError, match="which is not installed") as raised:
        faker(faker="name")
    assert raised.value.hint == "pip install 'mlxr[augment]'"
