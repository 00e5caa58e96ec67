"""A few real steps: the training child itself on chosen batches, in a folder thrown away.

The narrowest batch, the middle one, and the one that needs most memory are trained in turns, as
`mlxr train` would train them, and a few batches are validated on. Nothing is learned (the
learning rate is 0), no run appears, and nothing of the user's is touched.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlxr.errors import MlxrError
from mlxr.events import Display, Ended, Event, Progress, Saved, Started, Step, Trained, Validated
from mlxr.files import numbered_jsonl, write_jsonl
from mlxr.plan.workload import Batch, Row, Workload, epoch
from mlxr.train import faults, stage
from mlxr.train.stage import Plan
from mlxr.workspace import Prepared, Workspace

PASSES = 20
"""Most often that each batch is trained."""
LEAST = 2
"""Least often; validated and saved is after every so many."""
ENOUGH = 8.0
"""Seconds of training after which no further pass begins."""
VALIDATED = 4
"""Batches of the validation split to validate on, at most."""


@dataclass
class Timing:
    """What the steps took, in seconds by the clock from one report to the next."""

    begin: float = 0.0
    """From the start of the child until training began."""
    laps: list[tuple[Batch, float]] = field(default_factory=list)
    """Each iteration; the first is left out, as it prepares what the others use."""
    validations: list[float] = field(default_factory=list)
    validated: Sequence[Batch] = ()
    """The batches of one validation."""
    saves: list[float] = field(default_factory=list)
    peak: float = 0.0
    """Highest memory in GB (10^9 bytes)."""
    memory: float | None = None
    """What training may use on this machine in GB, where known."""
    ended: Ended | None = None
    """How the child failed, if it did."""


def run(plan: Plan, load: Workload, heaviest: Batch, folder: Path, display: Display) -> Timing:
    """Train a few batches inside `folder`, the `heaviest` among them; return what that took.

    Memory that ran out, or a child that was killed, is told in `ended`. Raises MlxrError when
    the child failed otherwise.
    """
    train, seed = load.train, load.seed
    taken = _copy(plan.prepared, folder, "train", load.rows["train"], choose(load, heaviest))
    checked = _copy(plan.prepared, folder, "valid", load.rows["valid"], _some(load.validation))
    turns = [batch for number in range(PASSES) for batch in epoch(taken, train, seed, number)]
    trial = Timing(validated=epoch(checked, train, seed, 0) if checked else ())
    display.show(Step("Training a few batches to measure; no run is made"))
    _train(trial, _shortened(plan, folder, len(turns) // PASSES), folder, turns, display)
    if trial.ended and trial.ended.reason not in {"memory", "killed"}:
        raise MlxrError(
            f"The steps to measure failed: {trial.ended.message}.",
            f"mlxr plan {plan.loaded.typed} --no-measure",
        )
    return trial


def choose(load: Workload, heaviest: Batch) -> list[Batch]:
    """Return the narrowest batch of the training, the middle one, and the heaviest."""
    size = load.train.batch_size
    batches = sorted((b for b in load.batches if len(b.rows) == size), key=lambda b: b.width)
    if not batches or len(heaviest.rows) < size:  # a split smaller than a batch
        return [heaviest]
    return list(dict.fromkeys((batches[0], batches[len(batches) // 2], heaviest)))


def _some(batches: Sequence[Batch]) -> list[Batch]:
    """Return a few batches of a validation, from the narrowest to the widest."""
    ordered = sorted(batches, key=lambda batch: batch.width)
    places = {(len(ordered) - 1) * part // (VALIDATED - 1) for part in range(VALIDATED)}
    return [ordered[place] for place in sorted(places)] if ordered else []


def _copy(
    prepared: Prepared, folder: Path, split: str, rows: Sequence[Row], batches: Sequence[Batch]
) -> list[Row]:
    """Write the rows of some batches to a split in `folder`, and return them in that order."""
    taken = sorted((rows[place] for batch in batches for place in batch.rows), key=_line)
    wanted = {row.line for row in taken}
    records = [record for line, record in numbered_jsonl(prepared.split(split)) if line in wanted]
    if records:  # mlx_lm takes a split that is not there, but none that is empty
        write_jsonl(folder / "data" / f"{split}.jsonl", records)
    return taken


def _line(row: Row) -> int:
    return row.line


def _shortened(plan: Plan, folder: Path, batches: int) -> Plan:
    """Return the plan of a training on the data in `folder`, otherwise as it will be.

    Accumulating two batches takes the memory of accumulating more.
    """
    config = {
        **plan.config,
        "data": str(folder / "data"),
        "iters": PASSES * batches,
        "steps_per_eval": LEAST * batches,
        "save_every": LEAST * batches,
        "grad_accumulation_steps": min(2, plan.config["grad_accumulation_steps"]),
        "learning_rate": 0.0,
        "lr_schedule": None,
        "report_to": None,
    }
    return replace(plan, config=config)


def _train(
    trial: Timing, plan: Plan, folder: Path, turns: Sequence[Batch], display: Display
) -> None:
    """Fill `trial` with what the child reports, until that is enough."""
    made = Workspace(folder).new_run(plan.loaded.recipe.name)
    told = replace(stage.configure(plan, made), patience=None)
    least, said = plan.config["save_every"], None
    begin = last = time.perf_counter()
    with stage.start(made, plan.ranks, told) as child:
        for event in child.events():
            now = time.perf_counter()
            _take(trial, event, now - last, turns)
            last, said = now, event if isinstance(event, Ended) else said
            if isinstance(event, Started):
                begin = now
            if isinstance(event, Trained):
                display.show(Progress("iterations", min(event.iteration, least), least))
            if isinstance(event, Saved) and now - begin > ENOUGH:
                return
        ended = faults.told(said, child.wait(), len(trial.laps))
    trial.ended = None if ended.reason == "done" else ended


def _take(trial: Timing, event: Event, seconds: float, turns: Sequence[Batch]) -> None:
    """Add one event, `seconds` after the last."""
    match event:
        case Started():
            trial.begin, trial.memory = seconds, event.memory
        case Trained():
            trial.peak = max(trial.peak, event.peak_memory)
            if event.iteration > 1:
                trial.laps.append((turns[event.iteration - 1], seconds))
        case Validated():
            trial.validations.append(seconds)
        case Saved():
            trial.saves.append(seconds)
