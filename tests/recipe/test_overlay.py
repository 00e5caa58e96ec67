"""Recipe values written as TOML are read as they were."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from mlxr.recipe import load
from mlxr.recipe.overlay import overlay, toml
from train.runs import Write


@pytest.mark.parametrize(
    "value",
    [True, 3, -7, 1e-05, 1.5, 1e16, 'a "quoted" \\ text\n', "é ☂", [1, [2.5, "x"]], [],
     {"weight_decay": 0.01, "a key": [True]}, {}],
)  # fmt: skip
def test_a_value_is_read_as_it_was(value: Any) -> None:
    assert tomllib.loads(f"v = {toml(value)}")["v"] == value


def test_what_is_not_set_is_left_out() -> None:
    assert toml([{"source": "a.csv", "weight": None}]) == '[{ source = "a.csv" }]'


def test_a_recipe_over_another_sets_its_keys_and_keeps_its_name(write_recipe: Write) -> None:
    base = write_recipe()
    path = base.with_name("r-best.toml")
    keys = {"train.learning_rate": 1e-05, "train.lora_parameters.rank": 2}
    path.write_text(overlay(base.name, "r", keys, "Why."))
    found, before = load(path).recipe, load(base).recipe
    lora = before.train.lora_parameters.model_copy(update={"rank": 2})
    train = before.train.model_copy(update={"learning_rate": 1e-05, "lora_parameters": lora})
    assert found == before.model_copy(update={"train": train})
    assert path.read_text().startswith("# Why.\n")
