"""`mlxr plan`: everything that can be said of a training before it runs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.events import Display, Ended, Note, Step
from mlxr.model import locate, read_weights
from mlxr.plan import duration, need, trial
from mlxr.plan.anatomy import Anatomy, study
from mlxr.plan.duration import Duration
from mlxr.plan.evidence import Evidence, examine
from mlxr.plan.need import Need
from mlxr.plan.optimum import Optimum, optimum
from mlxr.plan.workload import Workload, padding, workload
from mlxr.recipe import Loaded
from mlxr.train import faults, stage
from mlxr.train.config import Schedule
from mlxr.train.stage import Plan
from mlxr.workspace import Workspace


@dataclass(frozen=True)
class Split:
    """The records of a split."""

    name: str
    rows: int
    tokens: int
    target_tokens: int
    padding: float | None
    """Share of padded positions in mlxr's batches; None for test, which is not trained with."""


@dataclass(frozen=True)
class Forecast:
    """What a training will do, cost and be able to show."""

    loaded: Loaded
    splits: tuple[Split, ...]
    length: Schedule
    tokens: int
    """Tokens that training sees, over all epochs."""
    target_tokens: int
    """Of them those that are trained on."""
    anatomy: Anatomy
    need: Need
    fitting: Mapping[str, Any] | None
    """Keys of [train] with which it would fit; {} where it does, None where none are enough."""
    duration: Duration
    evidence: Evidence
    optimum: Optimum


def forecast(
    loaded: Loaded, workspace: Workspace, display: Display, *, measure: bool = True
) -> Forecast:
    """Return what training this recipe on its prepared data will take.

    Measured on a few real steps, or estimated from the model's config. Raises MlxrError when
    the data are not prepared, the model cannot be trained so, or memory ran out on the steps.
    """
    plan = stage.plan(loaded, workspace)
    tested, train_file = plan.manifest.rows.get("test", 0), plan.prepared.split("train")
    evidence = examine(tested, loaded.recipe.compare, train_file)
    load = workload(plan)
    with tempfile.TemporaryDirectory(prefix="mlxr-plan-") as name:
        anatomy = _look(plan, Path(name), display, measure=measure)
        if measure:
            needed, time = _measure(plan, load, anatomy, Path(name), display)
        else:
            needed = need.estimated(anatomy, loaded.recipe.train, load.batches)
            time = duration.estimated(anatomy, load, plan.length)
    train = loaded.recipe.train
    return Forecast(
        loaded=loaded,
        splits=_splits(plan, load),
        length=plan.length,
        tokens=load.tokens,
        target_tokens=load.targets,
        anatomy=anatomy,
        need=needed,
        fitting=need.fitting(anatomy, train, load.rows["train"], needed),
        duration=time,
        evidence=evidence,
        optimum=optimum(anatomy, load),
    )


def _look(plan: Plan, folder: Path, display: Display, *, measure: bool) -> Anatomy:
    """Return the model's anatomy; its weights are fetched only where it is going to be trained."""
    model = plan.loaded.recipe.model
    if measure and read_weights(locate(model)) is None:
        display.show(Note(f"Fetching the weights of {model}; --no-measure does without."))
    display.show(Step("Looking at the model"))
    return study(plan, folder, locate(model, weights=measure), speed=not measure)


def _measure(
    plan: Plan, load: Workload, anatomy: Anatomy, folder: Path, display: Display
) -> tuple[Need, Duration]:
    """Return what a few steps needed, and how long all take by them."""
    expected = need.estimated(anatomy, load.train, load.batches)
    found = trial.run(plan, load, expected.heaviest, folder, display)
    if found.ended:
        raise _too_much(plan.loaded, anatomy, load, expected, found.ended)
    needed = replace(expected, peak=found.peak, measured=True, limit=found.memory)
    return needed, duration.measured(found, anatomy, load, plan.length)


def _too_much(
    loaded: Loaded, anatomy: Anatomy, load: Workload, expected: Need, ended: Ended
) -> MlxrError:
    """Return what to say when memory ran out: it is then known to be less than was expected."""
    limit = min(expected.limit or expected.peak, expected.peak)
    tight = replace(expected, limit=limit * ENOUGH_LESS)
    settings = need.fitting(anatomy, load.train, load.rows["train"], tight)
    batch = expected.heaviest
    size = f"{len(batch.rows):,} rows of {batch.width - 1:,} tokens"
    why = "Memory ran out"
    if ended.reason == "killed":
        why = f"{ended.message} (the system does this when memory runs out; so may a person)"
    return MlxrError(
        f"{why} while a few batches were trained, of which the one that needs most has {size}.",
        advice(loaded, settings),
    )


ENOUGH_LESS = 0.8
"""Share of the memory that was too little which may be enough."""


def advice(loaded: Loaded, settings: Mapping[str, Any] | None) -> str:
    """Return what to do so that it fits, by `fitting`."""
    if settings is None:
        return "No setting of [train] makes it fit: take a smaller model, or one in fewer bits."
    less = faults.with_less(settings, loaded.path, loaded.overrides, "plan")
    return f"To train with less memory, {less}"


def _splits(plan: Plan, load: Workload) -> tuple[Split, ...]:
    """Return the splits as the manifest counts them."""
    told = plan.manifest
    return tuple(
        Split(name, rows, told.tokens[name], told.target_tokens[name], _padding(load, name))
        for name, rows in told.rows.items()
    )


def _padding(load: Workload, split: str) -> float | None:
    return padding(load.whole(split)) if load.rows.get(split) else None
