"""Sweeps of the demo's model with real children: tables, failures, halving, mistakes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from conftest import questions
from mlxr.files import file_sha256, hold, read_json
from mlxr.recipe import load
from train.runs import Run, Write, events, prepared

RATES = "train.learning_rate=1e-3,1e-5"


def sweep(mlxr: Run, *arguments: str | Path) -> dict[str, Any]:
    ran = mlxr("sweep", *arguments, "--json")
    assert ran.code == 0, ran.err
    assert ran.err == ""
    found: dict[str, Any] = json.loads(ran.out)
    return found


def validations(run: Path) -> dict[int, float]:
    """Return the validation losses of a run by iteration."""
    return {e["iteration"]: e["loss"] for e in events(run, "validated") if e["iteration"]}


def test_settings_stand_by_the_primary_metric_of_the_validation_split(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    extra = '[compare]\ntask = "text"\nprimary = "token_f1"\nlimit = 4\n'
    recipe = prepared(mlxr, write_recipe(questions(90), iters=4, steps_per_eval=2, extra=extra))
    ran = mlxr("sweep", recipe, "--grid", RATES)
    assert ran.code == 0, ran.err
    assert "Sweeping r: 2 settings\n1 of 2  learning_rate = 0.001\n" in ran.err
    assert "One seed a setting: how much of the differences is chance" in ran.out
    assert "looks better on them than it is; `mlxr compare` judges it on test rows." in ran.out
    (record,) = (tmp_path / "adapters" / "r").glob("sweep-*.json")
    document = read_json(record)
    assert (document["metric"], document["split"]) == ("token_f1", "valid")
    means = [each["mean"] for each in document["settings"]]
    assert means == sorted(means, reverse=True)
    for each in document["settings"]:
        (row,) = each["runs"]
        run = tmp_path / "adapters" / row["run"]
        scores = read_json(run / "sweep" / "scores.json")
        assert scores["tuned"]["token_f1"] == row["value"] == each["mean"]
        assert scores["base"]["token_f1"] == document["base"]
        assert scores["data"]["split"] == "valid"
        assert "verdict" not in scores
        assert not (run / "compare").exists()
    again = mlxr("sweep", recipe, "--grid", RATES)
    assert "2 of them done before" in again.err
    assert "iterations" not in again.err
    assert read_json(record) == document
    best = load(tmp_path / "r-best.toml")
    assert best.recipe.train.learning_rate == document["settings"][0]["set"]["train.learning_rate"]
    assert best.recipe.name == "r"
    assert mlxr("train", best.path, "--dry-run").code == 0
    assert not (tmp_path / "r-best-2.toml").exists()


def test_a_failed_trial_is_a_row_and_is_not_tried_again(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe(iters=4, steps_per_eval=2))
    arguments = (recipe, "--by", "loss", "--grid", "train.learning_rate=1e30,1e-3")
    found = sweep(mlxr, *arguments)
    good, bad = found["settings"]
    assert good["runs"][0]["run"] == "r/0002"
    assert (bad["mean"], bad["runs"][0]["status"]) == (None, "nonfinite")
    assert "no longer a finite number" in bad["runs"][0]["message"]
    assert sweep(mlxr, *arguments) == found
    assert len(list((tmp_path / "adapters" / "r").glob("0*"))) == 2


def test_where_every_trial_fails_there_is_no_best(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe(iters=4))
    ran = mlxr("sweep", recipe, "--by", "loss", "--grid", "train.learning_rate=1e30")
    assert ran.code == 1
    assert "No trial came to anything. The first: " in ran.err
    assert not (tmp_path / "r-best.toml").exists()


def test_halving_trains_the_best_half_on_exactly(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    """Four settings: two are left after a quarter, one after half; the last is as one alone."""
    recipe = prepared(mlxr, write_recipe(iters=8, steps_per_eval=2))
    rates = "train.learning_rate=1e-6,1e-2,1e-7,1e-3"
    arguments = (recipe, "--by", "loss", "--halving", "--grid", rates)
    found = sweep(mlxr, *arguments)
    assert [each["left_at"] for each in found["settings"]] == [None, 4, 2, 2]
    rows = [each["runs"][0] for each in found["settings"]]
    assert [row["iterations"] for row in rows] == [8, 4, 2, 2]
    curves = [validations(tmp_path / "adapters" / row["run"]) for row in rows]
    first = [curve[2] for curve in curves]
    assert max(first[:2]) < min(first[2:])
    assert min(curves[0][2], curves[0][4]) < min(curves[1].values())
    best = found["settings"][0]
    rate = best["set"]["train.learning_rate"]
    assert sweep(mlxr, *arguments) == found
    alone = mlxr("train", recipe, "--set", f"train.learning_rate={rate}", "--json")
    run = json.loads(alone.out)["run"]
    weights = [
        file_sha256(tmp_path / "adapters" / name / "adapters.safetensors")
        for name in (run, best["runs"][0]["run"])
    ]
    assert run == "r/0005"
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "What shall vary?"),
        (("--grid", RATES, "--by", "test"), 2, "--by is primary or loss."),
        (("--grid", "train.learning_rat=1,2"), 1, "Did you mean learning_rate?"),
        (("--grid", "train.optimizer=adam,sgdd"), 1, 'Did you mean "sgd"?'),
        (("--grid", "train.num_layers=1,9"), 1, "With num_layers = 9: train.num_layers = 9, but"),
        (("--grid", "seed=1,2"), 1, "--seeds 1,2,3"),
        (("--grid", "train.seed=1,2"), 1, "--seeds 1,2,3"),
        (("--grid", "data.limit=9,8"), 1, "data are prepared once, for all trials, and they"),
        (("--grid", "train.max_seq_length=64,32"), 1, "and they depend on it."),
        (("--grid", "train.batch_size=1,2"), 1, "Vary train.grad_accumulation_steps"),
        (("--grid", "compare.limit=3,4"), 1, "how runs are judged"),
        (("--grid", "train.val_batches=3,4"), 1, "measured on other rows"),
        (("--grid", RATES, "--set", "train.val_batches=0"), 1, "nothing is measured"),
        (("--grid", RATES, "--set", 'compare.primary="f1"'), 1, "is no metric of task 'text'"),
    ],
)
def test_mistakes_are_said_before_anything_runs(
    mlxr: Run, write_recipe: Write, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    recipe = prepared(mlxr, write_recipe())
    ran = mlxr("sweep", recipe, *arguments)
    assert ran.code == code
    assert said in ran.err
    assert not (tmp_path / "adapters").exists()


def test_data_that_are_not_prepared_are_said(mlxr: Run, write_recipe: Write) -> None:
    ran = mlxr("sweep", write_recipe(), "--grid", RATES)
    assert ran.code == 1
    assert "r is not prepared" in ran.err
    assert "mlxr prep" in ran.err


def test_two_sweeps_of_one_recipe_do_not_get_in_each_others_way(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe())
    folder = tmp_path / "adapters" / "r"
    folder.mkdir(parents=True)
    descriptor = os.open(folder, os.O_RDONLY)
    assert hold(descriptor)
    ran = mlxr("sweep", recipe, "--grid", RATES)
    os.close(descriptor)
    assert ran.code == 1
    assert "Another sweep of r is under way." in ran.err
    assert list(folder.iterdir()) == []
