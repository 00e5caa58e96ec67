"""Workspaces with broken recipes, unfinished runs and forgotten variables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlxr.doctor import work
from mlxr.doctor.check import Check
from mlxr.workspace import Workspace

RECIPE = 'model = "m/m"\n[data]\nsource = "o/r"\n'


def lines(folder: Path) -> dict[str, Check]:
    """Return what is said of a workspace, by what it is about and its level."""
    return {f"{c.about} {c.level}": c for c in work.TOPIC.examine(Workspace(folder))}


def record(folder: Path, name: str, status: str) -> None:
    run = folder / "adapters" / name
    run.mkdir(parents=True)
    told = {"status": status, "recipe": {}, "recipe_path": "mine.toml", "data": {}, "versions": {}}
    (run / "run.json").write_text(json.dumps(told))


def test_an_empty_folder_is_well_and_says_how_to_begin(tmp_path: Path) -> None:
    found = lines(tmp_path)
    assert set(found) == {"recipes ok", "runs ok"}
    assert "mlxr init --list" in found["recipes ok"].found


def test_recipes_that_load_are_named(write_recipe: Callable[..., Path], tmp_path: Path) -> None:
    write_recipe().rename(tmp_path / "recipe.toml")
    assert lines(tmp_path)["recipes ok"].found == "recipe.toml: all load."


def test_a_recipe_that_does_not_load_is_named_with_its_first_mistake(tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "a.toml").write_text(RECIPE + "[train]\niter = 5\n")
    (tmp_path / "recipes" / "b.toml").write_text("= no TOML")
    check = lines(tmp_path)["recipes warning"]
    assert check.found == (
        "recipes/a.toml: train.iter: is no key of a recipe. Did you mean iters?"
        " (2 recipes do not load.)"
    )
    assert "mlxr init my-folder --like NAME" in check.fix


def test_what_a_recipe_asks_for_and_is_not_installed_is_named(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE + '[train]\nreport_to = "wandb,tensorboard"\n')
    check = lines(tmp_path)["recipes warning"]
    assert check.found == "recipe.toml asks for wandb, not installed."
    assert check.fix == "pip install wandb"


def test_an_unfinished_run_comes_with_the_command_that_goes_on(tmp_path: Path) -> None:
    record(tmp_path, "a/0001", "done")
    record(tmp_path, "b/0001", "interrupted")
    check = lines(tmp_path)["runs warning"]
    assert check.found == "2 here; not at their end: b/0001 (interrupted)."
    assert check.fix == "mlxr train mine.toml --resume"


def test_a_killed_run_is_told_from_one_that_still_trains(tmp_path: Path) -> None:
    """Nobody could write "killed": the record still says running, and nobody holds the log."""
    record(tmp_path, "a/0001", "running")
    assert "a/0001 (killed)" in lines(tmp_path)["runs warning"].found


def test_a_later_run_of_the_recipe_makes_up_for_it(tmp_path: Path) -> None:
    import os

    for number, status in enumerate(("interrupted", "patience"), start=1):
        record(tmp_path, f"a/000{number}", status)
        os.utime(tmp_path / "adapters" / "a" / f"000{number}" / "run.json", (number, number))
    assert lines(tmp_path)["runs ok"].found.startswith("2 here")


@pytest.mark.parametrize("status", ["nonfinite", "memory", "error"])
def test_a_failed_run_is_to_be_looked_at(tmp_path: Path, status: str) -> None:
    record(tmp_path, "a/0001", status)
    check = lines(tmp_path)["runs warning"]
    assert f"a/0001 ({status})" in check.found
    assert check.fix == "less adapters/a/0001/train.log"


def test_a_record_that_cannot_be_read_is_one_too(tmp_path: Path) -> None:
    record(tmp_path, "a/0001", "done")
    (tmp_path / "adapters" / "a" / "0001" / "run.json").write_text("{")
    assert "a/0001 (unreadable)" in lines(tmp_path)["runs warning"].found


def test_variables_that_change_every_recipe_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLXR_TRAIN__ITERS", "3")
    check = lines(tmp_path)["environment warning"]
    assert "MLXR_TRAIN__ITERS" in check.found
    assert check.fix == "unset MLXR_TRAIN__ITERS"
