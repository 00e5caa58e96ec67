"""A sweep's trials: each a recipe of its own, checked before the first one runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlxr import provenance
from mlxr.errors import MlxrError
from mlxr.files import reading
from mlxr.recipe import Loaded, RecipeError, load
from mlxr.recipe.overlay import toml
from mlxr.sweep.space import Setting, label
from mlxr.train.config import Schedule
from mlxr.train.stage import Plan, plan
from mlxr.workspace import Run, Workspace


@dataclass(frozen=True)
class Trial:
    """One setting with one seed."""

    setting: Setting
    seed: int | None
    """Of the training; None is the recipe's own."""
    loaded: Loaded
    length: Schedule
    data: str
    """SHA-256 of the prepared data."""

    @property
    def label(self) -> str:
        """The trial in one line."""
        seed = "" if self.seed is None else f"seed {self.seed}"
        return ", ".join(part for part in (label(self.setting), seed) if part)

    def runs(self, workspace: Workspace) -> list[Run]:
        """Return the runs of this very recipe on these data with these libraries, oldest first.

        That is how a sweep knows what is done: a run tells in run.json what it trains.
        """
        recipe = json.loads(json.dumps(self.loaded.recipe.model_dump(mode="json")))
        due = (recipe, self.data, provenance.versions(), 1)
        return [run for run in workspace.runs(self.loaded.recipe.name) if _identity(run) == due]


def _identity(run: Run) -> tuple[Any, ...] | None:
    """Return what a run trains, on what, with what, in how many processes; None if unreadable."""
    try:
        record = run.read_record()
        ranks = record.get("ranks", {}).get("count", 1)
        return record["recipe"], record["data"]["sha256"], record["versions"], ranks
    except (MlxrError, KeyError, TypeError, AttributeError):
        return None


def trials(
    base: Loaded, settings: Sequence[Setting], seeds: Sequence[int], workspace: Workspace
) -> list[Trial]:
    """Return a trial for each setting and seed (without any: the recipe's own), in that order.

    Raises MlxrError on an unknown key, a value that does not fit, data that are not prepared, a
    key on which these depend, or trials whose losses could not be held against each other.
    """
    loaded = [
        (setting, seed, _load(base, setting, seed))
        for setting in settings
        for seed in (seeds or (None,))
    ]
    planned = plan(base, workspace)
    for key in settings[0]:
        _check_key(key, planned)
    found = [_trial(*each, workspace) for each in loaded]
    _check_validation(found)
    return found


def _trial(setting: Setting, seed: int | None, loaded: Loaded, workspace: Workspace) -> Trial:
    try:
        planned = plan(loaded, workspace)
    except MlxrError as error:
        raise MlxrError(f"With {label(setting)}: {error.message}", error.hint) from None
    return Trial(setting, seed, loaded, planned.length, planned.manifest.sha256)


def _load(base: Loaded, setting: Setting, seed: int | None) -> Loaded:
    seeded = setting if seed is None else {**setting, "train.seed": seed}
    texts = [f"{key}={toml(value)}" for key, value in seeded.items()]
    try:
        return load(base.path, [*base.overrides, *texts])
    except RecipeError as error:
        mistakes = " ".join(map(str, error.mistakes))
        raise MlxrError(f"--grid, {label(setting)}: {mistakes}", "Nothing was run.") from None


def _check_key(key: str, planned: Plan) -> None:
    """Raise MlxrError for a key that a sweep cannot vary."""
    prepared = "the data are prepared once, for all trials"
    if key in {"seed", "train.seed"}:
        also = "" if key == "train.seed" else ", and `seed` divides them too"
        raise MlxrError(f"--grid {key}: {prepared}{also}.", "Vary training's seed: --seeds 1,2,3")
    if key.startswith("compare."):
        raise MlxrError(
            f"--grid {key}: it changes how runs are judged, not what they learn.",
            f"Set it for all of them: --set {key}=…",
        )
    if key == "train.batch_size":
        raise MlxrError(
            f"--grid {key}: {prepared}, and checked for this batch size.",
            "Vary train.grad_accumulation_steps: rows to an update, with the same batches.",
        )
    if not key.startswith("train.") or key in planned.manifest.depends:
        raise MlxrError(
            f"--grid {key}: {prepared}, and they depend on it.",
            "Give each value a recipe with a name of its own, then prep, train and compare each.",
        )


def _check_validation(found: Sequence[Trial]) -> None:
    """Raise MlxrError where the validation split would not be measured, or not alike."""
    batches = {trial.loaded.recipe.train.val_batches for trial in found}
    if len(batches) > 1:
        raise MlxrError(
            "--grid train.val_batches: each trial would be measured on other rows.",
            "Leave it out; train.val_batches = -1 measures all.",
        )
    if batches == {0}:
        raise MlxrError(
            "train.val_batches = 0: nothing is measured by which a sweep could choose.",
            "--set train.val_batches=-1",
        )


def losses(run: Run) -> dict[int, float]:
    """Return the validation losses of trained weights so far, by iteration."""
    events = list(run.read_events())
    with reading(run.events):
        return {
            event["iteration"]: event["loss"]
            for event in events
            if event["event"] == "validated" and event["iteration"] and event["loss"] is not None
        }
