"""A sweep that was killed or stopped goes on, with real processes and real signals."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path

from mlxr.files import read_json
from train.runs import Run, Write, prepared, started


def test_a_sweep_killed_in_its_midst_goes_on_and_repeats_nothing(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    """2 × 2 values × 2 seeds; the third trial is killed between its checkpoints."""
    recipe = prepared(mlxr, write_recipe(iters=24, steps_per_eval=6, save_every=6))
    grid = "--grid", "train.learning_rate=1e-3,1e-4", "--grid", "train.lora_parameters.rank=2,4"
    arguments = [str(recipe), *grid, "--seeds", "1,2", "--by", "loss"]
    with started("sweep", *arguments, until=("^3 of 8  ", "iterations 12/24")) as process:
        process.kill()
        process.communicate(timeout=120)
    runs = tmp_path / "adapters" / "r"
    done = {path: path.read_bytes() for path in runs.glob("000[12]/**/*") if path.is_file()}
    assert {read_json(runs / f"000{i}" / "run.json")["status"] for i in (1, 2)} == {"done"}

    ran = mlxr("sweep", *arguments, "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["finished"]
    rows = [row for each in document["settings"] for row in each["runs"]]
    assert Counter((row["status"], row["iterations"]) for row in rows) == {("done", 24): 8}
    settings = [tuple(each["set"].values()) for each in document["settings"]]
    assert sorted(settings) == [(1e-4, 2), (1e-4, 4), (1e-3, 2), (1e-3, 4)]
    assert [[row["seed"] for row in each["runs"]] for each in document["settings"]] == [[1, 2]] * 4
    assert sorted(row["run"] for row in rows) == [f"r/000{i}" for i in range(1, 9)]
    assert sorted(path.name for path in runs.glob("0*")) == [f"000{i}" for i in range(1, 9)]
    assert all(path.read_bytes() == content for path, content in done.items())
    log = (runs / "0003" / "train.log").read_text()
    assert log.count("Loading pretrained model") == 2  # it went on in a second child
    assert document["seed_sd"] > 0


def test_ctrl_c_saves_the_trial_and_says_how_to_go_on(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe(iters=400, steps_per_eval=100))
    arguments = [str(recipe), "--grid", "train.learning_rate=1e-3", "--seeds", "1,2"]
    with started("sweep", *arguments, until=("^1 of 2  ", "iterations 100/400")) as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Interrupted and saved; the same command goes on where it stopped." in said
    assert "Traceback" not in said
    run = tmp_path / "adapters" / "r" / "0001"
    record = read_json(run / "run.json")
    assert record["status"] == "interrupted"
    assert (run / "checkpoints" / f"{record['result']['iterations']:07d}" / "state.json").is_file()
