"""`mlxr schema`: what an editor is told about a recipe is what loading one holds it to."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from conftest import ROOT, Ran
from mlxr.errors import MlxrError
from mlxr.recipe import load
from mlxr.recipe.editor import json_schema

SCHEMA = json_schema()
SHIPPED = sorted((ROOT / "recipes").rglob("*.toml"))
SMALL = 'model = "owner/model"\n[data]\nsource = "owner/rows"\n'


def mistakes(text: str) -> list[str]:
    """Return what an editor would underline in a recipe."""
    found = Draft7Validator(SCHEMA).iter_errors(tomllib.loads(text))
    return [f"{'.'.join(map(str, each.path))}: {each.message}" for each in found]


def loads(path: Path, text: str) -> bool:
    path.write_text(text, encoding="utf-8")
    try:
        load(path)
    except MlxrError:
        return False
    return True


def test_the_command_prints_the_schema_and_nothing_else(mlxr: Callable[..., Ran]) -> None:
    plain, as_json = mlxr("schema"), mlxr("schema", "--json")
    assert (plain.code, plain.err) == (0, "")
    assert json.loads(plain.out) == json.loads(as_json.out) == SCHEMA


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_there_are_recipes_to_check() -> None:
    assert len(SHIPPED) == 10


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_shipped_recipe_validates(path: Path) -> None:
    assert mistakes(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        SMALL,
        'name = "mine"\nseed = 1\n' + SMALL,
        SMALL + "[train]\nlearning_rate = 1\nlr_schedule = { warmup = 10 }\n",
        SMALL + "[train]\nlr_schedule = { warmup = 0.1 }\n",
        'model = "m/m"\n[data]\nsource = ["a/a", { source = "b/b", weight = 2 }]\n',
        SMALL + "[data.splits]\ntrain = 800\nvalid = 100\ntest = 100\n",
        SMALL + '[augment]\nswaps = 1\n[augment.pools]\np = ["a"]\nq = { faker = "name" }\n'
        '[augment.swap]\noutput.place = "p"\n',
        SMALL + "[train.optimizer_config]\nweight_decay = 0.01\n",
    ],
)
def test_what_loads_validates(text: str, tmp_path: Path) -> None:
    assert mistakes(text) == []
    assert loads(tmp_path / "r.toml", text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SMALL + "[train]\nlearning_rat = 1e-4\n", r"train: .*\('learning_rat' was unexpected"),
        (SMALL.replace("source", "sorce"), "data: 'source' is a required property"),
        (SMALL + '[train]\niters = "50"\n', "train.iters: '50' is not of type 'integer'"),
        (SMALL + "[train]\niters = 0\n", "train.iters: 0 is less than the minimum of 1"),
        (SMALL + '[compare]\ntask = "sumary"\n', "compare.task: 'sumary' is not one of"),
        ('[data]\nsource = "owner/rows"\n', ": 'model' is a required property"),
        ('model = "m/m"\n', ": 'data' is a required property"),
        ('model = ""\n[data]\nsource = "o/r"\n', "model: '' should be non-empty"),
    ],
)
def test_what_does_not_load_is_underlined(text: str, said: str, tmp_path: Path) -> None:
    import re

    found = mistakes(text)
    assert any(re.match(said, each) for each in found), found
    assert not loads(tmp_path / "r.toml", text)


def test_what_inherits_need_not_say_what_is_required(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(SMALL)
    heir = 'extends = "base.toml"\n[data]\nlimit = 10\n[train]\niters = 5\n'
    assert mistakes(heir) == []
    assert loads(tmp_path / "heir.toml", heir)
    assert mistakes('extends = "base.toml"\n') == []
    assert mistakes('extends = "base.toml"\n[train]\niter = 5\n') != []
    assert mistakes("extends = 1\n") != []


def keys(schema: dict[str, Any], within: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key of a recipe with its schema, tables in tables included."""
    for key, value in schema["properties"].items():
        yield f"{within}{key}", value
        if "$ref" in value:
            table = SCHEMA["$defs"][value["$ref"].rpartition("/")[2]]
            yield from keys(table, f"{within}{key}.")


def test_every_key_says_what_it_is_in_a_line() -> None:
    described = {}
    for name, value in keys(SCHEMA):
        table = SCHEMA["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
        described[name] = value.get("description") or table.get("description", "")
    assert len(described) > 80
    assert [name for name, said in described.items() if len(said) < 8 or "\n" in said] == []
    pools = SCHEMA["$defs"]["Pool"], SCHEMA["$defs"]["Portion"]
    assert all(value.get("description") for table in pools for _, value in keys(table))


def test_it_names_no_value_that_toml_does_not_have() -> None:
    assert "null" not in json.dumps(SCHEMA).replace("nullable", "")
