"""A training that pauses keeps the schedule of the whole, and goes on exactly."""

from __future__ import annotations

from pathlib import Path

from mlxr.events import Silent
from mlxr.files import file_sha256, read_json
from mlxr.recipe import load
from mlxr.train.stage import plan, resume, train
from mlxr.workspace import Workspace
from train.runs import SCHEDULE, Run, Write, add, events, prepared


def test_a_paused_training_is_the_one_that_was_never_paused(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = write_recipe(iters=8, steps_per_eval=2, save_every=8)
    prepared(mlxr, add(recipe, SCHEDULE))
    loaded, workspace = load(recipe), Workspace(tmp_path)
    whole = train(plan(loaded, workspace), workspace, Silent())
    paused = train(plan(loaded, workspace), workspace, Silent(), 2)
    assert (paused.reason, paused.iterations) == ("paused", 2)
    assert read_json(paused.run.record)["status"] == "paused"
    assert [path.name for path in paused.run.checkpoints.iterdir()] == ["0000002"]
    assert resume(paused.run, workspace, Silent(), 4).iterations == 4
    done = resume(paused.run, workspace, Silent())
    assert (done.reason, done.iterations) == ("done", 8)
    assert file_sha256(whole.run.adapter) == file_sha256(done.run.adapter)
    kinds = ("trained", "validated")
    assert events(whole.run.folder, *kinds) == events(done.run.folder, *kinds)


def test_a_pause_waits_for_the_update(mlxr: Run, write_recipe: Write, tmp_path: Path) -> None:
    """Gradients on their way to an update could not be kept."""
    recipe = prepared(mlxr, write_recipe(iters=8, steps_per_eval=4, grad_accumulation_steps=2))
    workspace = Workspace(tmp_path)
    assert train(plan(load(recipe), workspace), workspace, Silent(), 3).iterations == 4
