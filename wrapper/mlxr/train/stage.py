"""The train stage: prepared data in, a run folder out."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.events import Display, Ended, Step, to_json
from mlxr.files import json_line, write_json
from mlxr.manifest import Manifest, read_manifest
from mlxr.model import locate, read_config, read_weights
from mlxr.process import Child, Exit
from mlxr.recipe import Loaded, Recipe
from mlxr.train.checks import check
from mlxr.train.config import Schedule, arguments, mlx_lm_config, schedule
from mlxr.train.result import Figures, Training, opening, rewind
from mlxr.train.settings import Settings
from mlxr.train.state import resumable
from mlxr.workspace import Prepared, Run, Workspace


@dataclass(frozen=True)
class Plan:
    """What a training would do, complete before anything is loaded or written."""

    loaded: Loaded
    prepared: Prepared
    manifest: Manifest
    length: Schedule
    config: Mapping[str, Any]
    """mlx_lm's configuration; its adapter_path is set when the run gets its number."""


def plan(loaded: Loaded, workspace: Workspace) -> Plan:
    """Return what training this recipe would do.

    Raises MlxrError when its data are not prepared, or the model cannot be trained so.
    """
    recipe = loaded.recipe
    prepared = workspace.prepared(recipe.name)
    manifest = read_manifest(prepared, recipe, loaded.path)
    folder = locate(recipe.model)
    model = read_config(folder)
    check(recipe.train, model, read_weights(folder))
    length = schedule(recipe.train, manifest.rows["train"])
    config = mlx_lm_config(recipe, model, prepared.folder, Path("adapters"), length)
    return Plan(loaded, prepared, manifest, length, config)


def train(plan: Plan, workspace: Workspace, display: Display) -> Training:
    """Train as planned into a new run folder and return how it ended.

    Ctrl-C ends the training with everything saved. Raises MlxrError when it failed; the run
    folder then says why, and keeps the last finite weights.
    """
    recipe = plan.loaded.recipe
    run = workspace.new_run(recipe.name)
    write_json(run.config, {**plan.config, "adapter_path": str(run.folder)})
    display.show(Step(f"Training {recipe.name} as run {run.name}"))
    record = opening(plan.loaded, plan.manifest)
    return _supervise(run, record, settings(run, recipe), Figures(), display)


def resume(run: Run, workspace: Workspace, display: Display) -> Training:
    """Go on with a run that stopped, from its newest checkpoint, as if it never had.

    Raises MlxrError when it is finished, has no checkpoint, or its data have changed.
    """
    record = run.read_record()
    recipe, path = Recipe.model_validate(record["recipe"]), Path(record["recipe_path"])
    if record["status"] == "done":
        raise MlxrError(
            f"Run {run.name} is finished: there is nothing to go on with.",
            f"Train longer in a new run: mlxr train {path} --set train.iters=…",
        )
    manifest = read_manifest(workspace.prepared(recipe.name), recipe, path)
    if manifest.sha256 != record["data"]["sha256"]:
        raise MlxrError(
            f"The data of {recipe.name} are no longer those that run {run.name} was trained on.",
            f"Start a new run: mlxr train {path}",
        )
    found = resumable(run.checkpoints)
    if not found:
        raise MlxrError(f"Run {run.name} has no checkpoint to go on from.", f"mlxr train {path}")
    iteration = int(found[-1].name)
    display.show(Step(f"Going on with run {run.name} from iteration {iteration:,}"))
    figures = rewind(run, iteration)
    return _supervise(run, record, settings(run, recipe, found[-1]), figures, display)


def settings(run: Run, recipe: Recipe, checkpoint: Path | None = None) -> Settings:
    """Return what the child is told beyond mlx_lm's configuration."""
    train = recipe.train
    return Settings(
        arguments=arguments(run.config, trust_remote_code=recipe.trust_remote_code),
        run=str(run.folder),
        patience=train.early_stopping_patience,
        keep=train.keep_checkpoints,
        seed=recipe.seed,
        min_delta=train.min_delta,
        max_grad_norm=train.max_grad_norm,
        answer_start_weight=train.answer_start_weight,
        answer_start_window=train.answer_start_window,
        clear_cache_threshold=train.clear_cache_threshold,
        begin_from=train.resume_adapter_file,
        resume=str(checkpoint) if checkpoint else None,
    )


def _supervise(
    run: Run, record: dict[str, Any], told: Settings, figures: Figures, display: Display
) -> Training:
    record = {key: value for key, value in record.items() if key != "result"}
    write_json(run.record, record | {"status": "running"})
    begin, before = time.perf_counter(), figures.seconds
    with Child("mlxr.train.child", [json.dumps(asdict(told))], run.log) as child:
        ended = _follow(child, run, display, figures)
        exit_ = child.wait()
    ended = ended or Ended("error", figures.iterations, _last_words(exit_))
    figures.seconds = before + time.perf_counter() - begin
    result = figures.result(run, ended, list(map(str, ended.rows)))
    write_json(run.record, record | {"status": ended.reason, "result": result})
    if ended.reason in {"error", "nonfinite"}:
        raise _failure(run, ended)
    return Training(
        run=run,
        recipe=Path(record["recipe_path"]),
        reason=ended.reason,
        **{name: result[name] for name in _FIGURES},
    )


_FIGURES = (
    "iterations", "base_loss", "best_loss", "best_iteration", "seconds", "peak_memory",
)  # fmt: skip


def _follow(child: Child, run: Run, display: Display, figures: Figures) -> Ended | None:
    """Take the child's events until it ends; return its own word on how, if it gave one.

    The first Ctrl-C asks it to save and end.
    """
    told, ended = False, None
    with run.events.open("a", encoding="utf-8") as stream, child.interruptible():
        for event in child.events():
            figures.take(event)
            ended = event if isinstance(event, Ended) else ended
            stream.write(json_line(to_json(event)) + "\n")
            stream.flush()
            display.show(event)
            if child.asked and not told:
                told = True
                display.show(Step("Saving; Ctrl-C again to leave without"))
    return ended


def _last_words(exit_: Exit) -> str:
    how = f"was ended by {exit_.signal}" if exit_.signal else f"ended with code {exit_.code}"
    lines = exit_.tail.splitlines()
    return f"mlx_lm {how}" + (f"; its last words: {lines[-1]}" if lines else "")


def _failure(run: Run, ended: Ended) -> MlxrError:
    kept = "The last finite weights are kept in the run's folder." if run.adapter.is_file() else ""
    if ended.reason == "nonfinite":
        rows = ", ".join(map(str, ended.rows))
        return MlxrError(
            f"Stopped at iteration {ended.iteration}: {ended.message}. Rows of train.jsonl in"
            f" that batch: {rows}. {kept}".rstrip(),
            "Look at those rows; then try a lower train.learning_rate"
            " (--set train.learning_rate=…).",
        )
    return MlxrError(
        f"Training stopped: {ended.message}. {kept}".rstrip(), f"The whole log: {run.log}"
    )
