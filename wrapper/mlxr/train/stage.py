"""The train stage: prepared data in, a run folder out."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlxr import provenance
from mlxr.errors import MlxrError
from mlxr.events import Display, Ended, Event, Step, Trained, Validated, to_json
from mlxr.files import file_sha256, json_line, write_json
from mlxr.manifest import Manifest, read_manifest
from mlxr.model import locate, read_config
from mlxr.process import Child, Exit
from mlxr.recipe import Loaded, Recipe
from mlxr.train.config import Schedule, mlx_lm_config, schedule
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


@dataclass(frozen=True)
class Training:
    """How a run ended."""

    run: Run
    recipe: Path
    reason: str
    iterations: int
    base_loss: float | None
    """Validation loss before training, in nats per target token."""
    best_loss: float | None
    best_iteration: int | None
    seconds: float
    peak_memory: float | None
    """GB (10^9 bytes)."""


def plan(loaded: Loaded, workspace: Workspace) -> Plan:
    """Return what training this recipe would do.

    Raises MlxrError when its data are not prepared, or the model cannot be trained so.
    """
    recipe = loaded.recipe
    prepared = workspace.prepared(recipe.name)
    manifest = read_manifest(prepared, recipe, loaded.path)
    length = schedule(recipe.train, manifest.rows["train"])
    config = mlx_lm_config(
        recipe, read_config(locate(recipe.model)), prepared.folder, Path("adapters"), length
    )
    return Plan(loaded, prepared, manifest, length, config)


def train(plan: Plan, workspace: Workspace, display: Display) -> Training:
    """Train as planned into a new run folder and return how it ended.

    Ctrl-C ends the training with everything saved. Raises MlxrError when it failed; the run
    folder then says why, and keeps the last finite weights.
    """
    run = workspace.new_run(plan.loaded.recipe.name)
    write_json(run.config, {**plan.config, "adapter_path": str(run.folder)})
    display.show(Step(f"Training {plan.loaded.recipe.name} as run {run.name}"))
    return _supervise(run, plan.loaded.recipe, _opening(plan), None, display)


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
    display.show(Step(f"Going on with run {run.name} from iteration {int(found[-1].name):,}"))
    return _supervise(run, recipe, record, found[-1], display)


def _supervise(
    run: Run, recipe: Recipe, record: dict[str, Any], checkpoint: Path | None, display: Display
) -> Training:
    write_json(run.record, record | {"status": "running"})
    settings = {
        "config": str(run.config),
        "run": str(run.folder),
        "patience": recipe.train.early_stopping_patience,
        "keep": recipe.train.keep_checkpoints,
        "seed": recipe.seed,
        "resume": str(checkpoint) if checkpoint else None,
    }
    begin = time.perf_counter()
    seen = _Seen.before(record.get("result"), checkpoint)
    with Child("mlxr.train.child", [json.dumps(settings)], run.log) as child:
        _follow(child, run, display, seen)
        exit_ = child.wait()
    ended = seen.ended or Ended("error", seen.iteration, _last_words(exit_))
    result = _result(run, seen, ended, time.perf_counter() - begin)
    write_json(run.record, record | {"status": ended.reason, "result": result})
    if ended.reason in {"error", "nonfinite"}:
        raise _failure(run, ended)
    return Training(
        run, Path(record["recipe_path"]), ended.reason, **{k: result[k] for k in _FIGURES}
    )


_FIGURES = (
    "iterations", "base_loss", "best_loss", "best_iteration", "seconds", "peak_memory",
)  # fmt: skip


@dataclass
class _Seen:
    """What the events so far amount to."""

    iteration: int = 0
    train_loss: float | None = None
    base_loss: float | None = None
    best_loss: float | None = None
    best_iteration: int | None = None
    peak_memory: float | None = None
    target_tokens: int = 0
    ended: Ended | None = None

    @classmethod
    def before(cls, result: dict[str, Any] | None, checkpoint: Path | None) -> _Seen:
        """Return what an earlier part of a resumed run amounted to."""
        if result is None or checkpoint is None:
            return cls()
        return cls(
            iteration=int(checkpoint.name),
            base_loss=result["base_loss"],
            best_loss=result["best_loss"],
            best_iteration=result["best_iteration"],
            target_tokens=result["target_tokens"],
        )

    def take(self, event: Event) -> None:
        if isinstance(event, Trained):
            self.iteration, self.train_loss = event.iteration, event.loss
            self.peak_memory = event.peak_memory
            self.target_tokens += event.target_tokens
        elif isinstance(event, Validated):
            if event.iteration == 0:
                self.base_loss = event.loss
            if event.best:
                self.best_loss, self.best_iteration = event.loss, event.iteration
        elif isinstance(event, Ended):
            self.ended = event


def _follow(child: Child, run: Run, display: Display, seen: _Seen) -> None:
    """Take the child's events until it ends; the first Ctrl-C asks it to save and end."""
    told = False
    with run.events.open("a", encoding="utf-8") as stream, child.interruptible():
        for event in child.events():
            seen.take(event)
            stream.write(json_line(to_json(event)) + "\n")
            stream.flush()
            display.show(event)
            if child.asked and not told:
                told = True
                display.show(Step("Saving; Ctrl-C again to leave without"))


def _opening(plan: Plan) -> dict[str, Any]:
    return {
        "schema": "mlxr.run/1",
        "status": "running",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "recipe": plan.loaded.recipe.model_dump(mode="json"),
        "recipe_path": str(plan.loaded.path.resolve()),
        "data": {"sha256": plan.manifest.sha256, "files": dict(plan.manifest.files)},
        "versions": provenance.versions(),
        "machine": provenance.machine(),
    }


def _result(run: Run, seen: _Seen, ended: Ended, seconds: float) -> dict[str, Any]:
    return {
        "iterations": seen.iteration,
        "train_loss": seen.train_loss,
        "base_loss": seen.base_loss,
        "best_loss": seen.best_loss,
        "best_iteration": seen.best_iteration,
        "target_tokens": seen.target_tokens,
        "peak_memory": seen.peak_memory,
        "seconds": seconds,
        "message": ended.message,
        "rows": list(ended.rows),
        "adapter_sha256": file_sha256(run.adapter) if run.adapter.is_file() else None,
    }


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
