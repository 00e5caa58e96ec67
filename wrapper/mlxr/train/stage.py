"""The train stage: prepared data in, a run folder out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mlxr import blas
from mlxr.errors import MlxrError
from mlxr.events import Display, Ended, Event, Note, Step
from mlxr.files import replace_file, write_json
from mlxr.manifest import Manifest, read_manifest
from mlxr.model import is_whole, locate, read_config, read_weights, with_chat_template
from mlxr.process import Child
from mlxr.recipe import Loaded, Recipe, revive, typed
from mlxr.train import faults
from mlxr.train.checkpoints import WEIGHTS
from mlxr.train.checks import check
from mlxr.train.config import Schedule, arguments, mlx_lm_config, schedule
from mlxr.train.ranks import Ranks, ring
from mlxr.train.result import Figures, Training, opening, rewind
from mlxr.train.settings import Settings
from mlxr.train.state import OPTIMIZER, STATE, read_progress, resumable
from mlxr.train.watch import follow
from mlxr.workspace import Prepared, Run, Workspace

ALONE = Ranks()


@dataclass(frozen=True)
class Plan:
    """What a training would do, complete before anything is loaded or written."""

    loaded: Loaded
    prepared: Prepared
    manifest: Manifest
    length: Schedule
    config: Mapping[str, Any]
    """mlx_lm's configuration; its adapter_path is set when the run gets its number."""
    ranks: Ranks = ALONE


def plan(loaded: Loaded, workspace: Workspace, ranks: Ranks = ALONE) -> Plan:
    """Return what training this recipe would do, on so many ranks.

    Raises MlxrError when its data are not prepared, or the model cannot be trained so.
    """
    recipe = loaded.recipe
    prepared = workspace.prepared(recipe.name)
    manifest = read_manifest(prepared, recipe, loaded.typed)
    folder = locate(recipe.model)
    model = read_config(folder)
    check(recipe.train, model, read_weights(folder))
    length = schedule(recipe.train, manifest.rows["train"])
    config = mlx_lm_config(recipe, model, prepared.folder, Path("adapters"), length)
    return Plan(loaded, prepared, manifest, length, config, ranks)


def train(plan: Plan, workspace: Workspace, display: Display, pause: int | None = None) -> Training:
    """Train as planned into a new run folder and return how it ended.

    Ctrl-C ends the training with everything saved; so does `pause`, after so many iterations.
    Raises MlxrError when it failed; the run folder then says why, and keeps the last finite
    weights.
    """
    recipe = plan.loaded.recipe
    run = workspace.new_run(recipe.name)
    told = replace(configure(plan, run), pause=pause)
    display.show(Step(f"Training {recipe.name} as run {run.name}"))
    if blas.wanted() and not blas.find():
        display.show(Note(blas.ADVICE))
    record = opening(plan.loaded, plan.manifest) | {"ranks": asdict(plan.ranks)}
    return _supervise(run, plan.prepared, record, told, Figures(), display)


def configure(plan: Plan, run: Run) -> Settings:
    """Write what mlx_lm is given into the run folder; return what the child is told besides."""
    recipe = plan.loaded.recipe
    paths = {"model": _model(recipe, run), "adapter_path": str(run.folder)}
    write_json(run.config, {**plan.config, **paths})
    return settings(run, recipe, ranks=plan.ranks)


def _model(recipe: Recipe, run: Run) -> str:
    """Return the model that mlx_lm is to load: the recipe's, or that with the recipe's template."""
    if recipe.chat_template is None:
        return recipe.model
    return str(with_chat_template(recipe.model, Path(recipe.chat_template), run.model))


def resume(run: Run, workspace: Workspace, display: Display, pause: int | None = None) -> Training:
    """Go on with a run that stopped, from its newest checkpoint, as if it never had.

    With `pause` it stops again after so many iterations, counted from the run's beginning.
    Raises MlxrError when it is finished, has no checkpoint, or its data have changed.
    """
    record = run.read_record()
    recipe, path = revive(record, run.record), Path(record["recipe_path"])
    _check_resumable(run, record["status"], path)
    prepared = workspace.prepared(recipe.name)
    manifest = read_manifest(prepared, recipe, typed(path, record.get("set", ())))
    if manifest.sha256 != record["data"]["sha256"]:
        raise MlxrError(
            f"The data of {recipe.name} are no longer those that run {run.name} was trained on.",
            f"Start a new run: mlxr train {path}",
        )
    found = resumable(run.checkpoints)
    if not found:
        raise MlxrError(f"Run {run.name} has no checkpoint to go on from.", f"mlxr train {path}")
    _check_whole(found[-1], f"mlxr train {path} --resume")
    iteration = int(found[-1].name)
    display.show(Step(f"Going on with run {run.name} from iteration {iteration:,}"))
    figures = rewind(run, iteration)
    told = settings(run, recipe, found[-1], _ranks(record), pause)
    return _supervise(run, prepared, record, told, figures, display)


def _check_whole(checkpoint: Path, again: str) -> None:
    """Raise MlxrError where a file of a checkpoint was damaged; `again` resumes."""
    damaged = [name for name in (WEIGHTS, OPTIMIZER) if not is_whole(checkpoint / name)]
    try:
        read_progress(checkpoint)
    except MlxrError:
        damaged.append(STATE)
    if damaged:
        raise MlxrError(
            f"{checkpoint / damaged[0]} is not as `mlxr train` wrote it.",
            f"Move {checkpoint} away, to go on from the checkpoint before it, if any: {again}",
        )


def _check_resumable(run: Run, status: str, path: Path) -> None:
    """Raise MlxrError where going on makes no sense."""
    if status == "running":
        raise MlxrError(f"Run {run.name} is still training.", "Stop it first, or wait.")
    if status in {"done", "patience"}:
        raise MlxrError(
            f"Run {run.name} is finished: there is nothing to go on with.",
            f"Train longer in a new run: mlxr train {path} --set train.iters=…",
        )
    if status == "nonfinite":
        raise MlxrError(
            f"Run {run.name} stopped at a number that is not finite, and would do so again.",
            f"Train anew, more slowly: mlxr train {path} --set train.learning_rate=…",
        )


def _ranks(record: Mapping[str, Any]) -> Ranks:
    """Return the ranks of a run, from its run.json."""
    return Ranks(**record["ranks"]) if "ranks" in record else ALONE


def settings(
    run: Run,
    recipe: Recipe,
    checkpoint: Path | None = None,
    ranks: Ranks = ALONE,
    pause: int | None = None,
) -> Settings:
    """Return what the child is told beyond mlx_lm's configuration."""
    train = recipe.train
    return Settings(
        arguments=arguments(run.config, trust_remote_code=recipe.trust_remote_code),
        run=str(run.folder),
        events=str(run.events),
        patience=train.early_stopping_patience,
        keep=train.keep_checkpoints,
        seed=recipe.training_seed,
        min_delta=train.min_delta,
        max_grad_norm=train.max_grad_norm,
        answer_start_weight=train.answer_start_weight,
        answer_start_window=train.answer_start_window,
        clear_cache_threshold=train.clear_cache_threshold,
        begin_from=train.resume_adapter_file,
        resume=str(checkpoint) if checkpoint else None,
        pause=pause,
        remote=ranks.hosts is not None,
    )


def _supervise(
    run: Run,
    prepared: Prepared,
    record: dict[str, Any],
    told: Settings,
    figures: Figures,
    display: Display,
) -> Training:
    """Run the child to its end, and write run.json whatever happens meanwhile."""
    recipe = revive(record, run.record)
    record = {key: value for key, value in record.items() if key != "result"}
    begin, before = time.perf_counter(), figures.seconds
    ended = Ended("interrupted", figures.iterations, "left without saving")
    written = run.events.stat().st_size if run.events.is_file() else 0
    child = start(run, _ranks(record), told)
    # From another host the events come in the run's file only.
    events = follow(run.events, lambda: child.running, written) if told.remote else child.events()
    try:
        with child:
            child.stay_awake()
            write_json(run.record, record | {"status": "running"})
            said = _follow(child, events, display, figures)
            gone = child.wait()
            if child.asked and not figures.iterations and (said is None or said.reason == "error"):
                said = Ended("interrupted", 0)  # before it could listen, or while mlx_lm loaded
            ended = faults.told(said, gone, figures.iterations)
    except Exception as error:
        ended = Ended(faults.cause(str(error)), figures.iterations, f"mlxr failed: {error}")
        raise
    finally:
        figures.seconds = before + time.perf_counter() - begin
        _rescue(run, ended)
        rows = faults.places(prepared, ended.rows)
        record |= {"status": ended.reason, "result": figures.result(run, ended, rows)}
        write_json(run.record, record)
    if ended.reason in faults.FAILED:
        raise faults.failure(run, record, recipe.train)
    return Training(
        run=run,
        recipe=Path(record["recipe_path"]),
        reason=ended.reason,
        **{name: record["result"][name] for name in _FIGURES},
    )


def _rescue(run: Run, ended: Ended) -> None:
    """Make the run's result of its best or newest weights, where its child could not."""
    kept = [run.best, *reversed(resumable(run.checkpoints))]
    found = next((folder for folder in kept if (folder / run.adapter.name).is_file()), None)
    if found and (ended.reason in {"killed", "memory", "error"} or not run.adapter.is_file()):
        replace_file(found / run.adapter.name, run.adapter)


_FIGURES = (
    "iterations", "base_loss", "best_loss", "best_iteration", "seconds", "peak_memory",
)  # fmt: skip


def start(run: Run, ranks: Ranks, told: Settings) -> Child:
    """Start the ranks of a training: here, or where the host file says."""
    here = ring(ranks.count, run.ring) if ranks.hosts is None else [{}]
    return Child("mlxr.train.child", [json.dumps(asdict(told))], run.log, here, ranks.launcher)


def _follow(
    child: Child, events: Iterator[Event], display: Display, figures: Figures
) -> Ended | None:
    """Take the child's events until it ends; return its own word on how, if it gave one.

    The first Ctrl-C asks it to save and end.
    """
    told, ended = False, None
    with child.interruptible():
        for event in events:
            figures.take(event)
            ended = event if isinstance(event, Ended) else ended
            display.show(event)
            if child.asked and not told:
                told = True
                display.show(Step("Saving; Ctrl-C again to leave without"))
    return ended
