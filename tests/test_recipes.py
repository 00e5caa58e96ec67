"""The shipped recipes: each loads, renders and passes the audit on rows in its data's shape."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from conftest import MODEL, ROOT, Ran
from mlxr.compare.alarms import ALARMS
from mlxr.compare.forgetting import GENERAL_TEXT
from mlxr.prep.audit.findings import FINDINGS
from mlxr.recipe import load

Run = Callable[..., Ran]
RECIPES = ROOT / "recipes"
DEMO = ROOT / "data" / "demo"
NAMES = ["calendar", "chat", "copywriting", "function-calling", "summarization"]
SOURCES = {name: DEMO / f"{name}.jsonl" for name in NAMES} | {
    "calendar": DEMO / "calendar" / "train.jsonl"
}
"""The rows that we made, in the shape of the real data."""
TRUE_ALARMS = {"calendar": {"mostly-null-target"}}
"""Findings that are so: of the demo's events, 47 % of the fields are null."""
FEWER = {
    "chat": {},
    "summarization": {
        "data.streaming": "false",
        "data.splits.train": "600",
        "data.splits.valid": "80",
        "data.splits.test": "120",
    },
}
"""What a recipe needs on 800 rows in a file instead of a data set on the Hub."""


def options(name: str, model: Path = MODEL) -> list[str]:
    """Return what runs a real recipe on our rows with a local model."""
    given = {"model": str(model), "data.source": str(SOURCES[name])} | FEWER.get(name, {})
    return [part for key, value in given.items() for part in ("--set", f"{key}={value}")]


def iterations(count: int, workspace: Path, recipe: Path, given: Sequence[str] = ()) -> list[str]:
    """Return what makes a prepared recipe train for `count` iterations: `epochs` stays if set."""
    loaded = load(recipe, given).recipe
    rows = (workspace / "data" / loaded.name / "train.jsonl").read_text().count("\n")
    per_epoch = math.ceil(rows / loaded.train.batch_size)
    key, value = ("iters", count) if loaded.train.iters else ("epochs", (count - 0.5) / per_epoch)
    return ["--set", f"train.{key}={value}", "--set", "train.val_batches=1"]


def real(name: str) -> Path:
    return RECIPES / f"{name}.toml"


def twin(name: str) -> Path:
    return RECIPES / "demo" / f"{name}.toml"


def test_all_recipes_are_here_and_each_has_a_twin() -> None:
    found = sorted(path.relative_to(RECIPES).as_posix() for path in RECIPES.rglob("*.toml"))
    assert found == sorted([f"{name}.toml" for name in NAMES] + [f"demo/{n}.toml" for n in NAMES])


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_opens_with_what_it_needs_and_what_to_type(name: str) -> None:
    text = real(name).read_text(encoding="utf-8")
    opening = text[: text.index("\n\nmodel = ")]
    assert all(line.startswith("#") for line in opening.splitlines())
    for part in ("data   ", "disk   ", "memory ", "time   ", "estimated", "A good result"):
        assert part in opening
    for command in ("prep   ", "train  ", "compare"):
        assert f"mlxr {command} recipes/{name}.toml" in opening


@pytest.mark.parametrize("name", NAMES)
def test_a_real_recipe_prepares_rows_in_its_shape_without_a_false_alarm(
    mlxr: Run, name: str, tmp_path: Path
) -> None:
    ran = mlxr("prep", real(name), *options(name), "--json")
    assert ran.code == 0, ran.err
    audit = json.loads((tmp_path / "data" / name / "audit.json").read_text())
    codes = {each["code"] for each in audit["findings"] if each["level"] != "info"}
    assert codes <= {"test-too-small"} | TRUE_ALARMS.get(name, set())


@pytest.mark.parametrize("name", NAMES)
def test_a_twin_prepares_without_a_false_alarm(mlxr: Run, name: str, tmp_path: Path) -> None:
    ran = mlxr("prep", twin(name), "--json")
    assert ran.code == 0, ran.err
    audit = json.loads((tmp_path / "data" / f"demo-{name}" / "audit.json").read_text())
    codes = {each["code"] for each in audit["findings"] if each["level"] != "info"}
    assert codes <= TRUE_ALARMS.get(name, set())


@pytest.mark.parametrize("name", [name for name in NAMES if name != "calendar"])
def test_a_twin_extends_its_real_recipe(name: str) -> None:
    assert f'extends = "../{name}.toml"' in twin(name).read_text()
    one, other = load(twin(name)).recipe, load(real(name), options(name)[1::2]).recipe
    assert one.data.template == other.data.template
    assert one.compare.task == other.compare.task
    assert one.compare.primary == other.compare.primary


def test_the_guide_has_an_example_of_every_finding_and_alarm() -> None:
    guide = (RECIPES / "README.md").read_text(encoding="utf-8")
    findings, alarms = (_first_cells(guide, head) for head in ("finding", "alarm"))
    assert set(re.findall("`([a-z-]+)`", findings)) == set(FINDINGS)
    assert set(re.findall("[A-Z_]{6,}", alarms)) == {*ALARMS, GENERAL_TEXT}


def _first_cells(guide: str, head: str) -> str:
    """Return the first column of the guide's table with that head."""
    table = guide[guide.index(f"| {head} | an example |") :].split("\n\n")[0]
    return "\n".join(line.split("|")[1] for line in table.splitlines()[2:])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "calendar"])
def test_a_twin_trains_ten_iterations(mlxr: Run, name: str, tmp_path: Path) -> None:
    assert mlxr("prep", twin(name)).code == 0
    ran = mlxr("train", twin(name), *iterations(10, tmp_path, twin(name)), "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["iterations"] == 10
