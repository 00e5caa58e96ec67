"""The sweep: trials one after another, none of them twice, whatever happened in between."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mlxr.errors import MlxrError
from mlxr.events import Display
from mlxr.files import hold, sha256, write_json
from mlxr.recipe import Loaded
from mlxr.sweep.advance import settled
from mlxr.sweep.criterion import criterion
from mlxr.sweep.display import Short
from mlxr.sweep.found import Sweep
from mlxr.sweep.space import Setting
from mlxr.sweep.trials import Trial, trials
from mlxr.sweep.winner import write_best
from mlxr.sweep.work import Work
from mlxr.workspace import Workspace


def sweep(
    base: Loaded,
    settings: Sequence[Setting],
    seeds: Sequence[int],
    workspace: Workspace,
    display: Display,
    *,
    by: str = "primary",
    halving: bool = False,
) -> Sweep:
    """Train every setting with every seed, and return them by a figure of the validation split.

    Runs that are done are not repeated, and those that stopped go on, so that the same call
    completes what an earlier one began. A failed training is a row. The best setting is written
    out as a recipe. Raises MlxrError before anything runs where a key, a value or the data do
    not fit, and KeyboardInterrupt, with everything saved, when asked to stop.
    """
    found = trials(base, settings, seeds, workspace)
    chosen = criterion(by, base.recipe, workspace)
    width = max(1, len(seeds))
    groups = [found[i : i + width] for i in range(0, len(found), width)]
    identity = sha256([base.typed, [dict(s) for s in settings], list(seeds), by, halving])[:8]
    record = workspace.sweep(base.recipe.name, identity)
    shown = Short(display)
    work = Work(groups, chosen, workspace, shown, Sweep(base.path, chosen.metric, None, (), record))
    with _alone(record.parent):
        shown.say(_opening(base, found, groups, workspace))
        if halving:
            work.halve()
        work.finish()
        work.keep()
        result = _concluded(work)
        write_json(record, result.to_json())
    return result


def _opening(
    base: Loaded, found: list[Trial], groups: list[list[Trial]], workspace: Workspace
) -> str:
    done = sum(settled(trial, workspace) is not None for trial in found)
    seeds = f" × {len(groups[0])} seeds = {len(found)} runs" if len(groups[0]) > 1 else ""
    told = f"; {done} of them done before" if done else ""
    settings = "1 setting" if len(groups) == 1 else f"{len(groups)} settings"
    return f"Sweeping {base.recipe.name}: {settings}{seeds}{told}"


def _concluded(work: Work) -> Sweep:
    """Return the sweep with the recipe of its best setting written; raises MlxrError without."""
    made = replace(work.sweep, finished=True)
    if made.best is None or made.best.mean is None:
        why = next(row.message for each in made.standings for row in each.rows)
        write_json(made.record, made.to_json())
        raise MlxrError(f"No trial came to anything. The first: {why}.", f"See {made.record}")
    if len(made.standings) == 1:  # seeds alone: the recipe is what it was
        return made
    trial = next(g[0] for g in work.groups if g[0].setting == made.best.setting)
    seeds = f", {len(made.best.rows)} seeds each" if made.several_seeds else ""
    said = (
        f"The best of {len(made.standings)} settings{seeds}, by {made.metric.title} on the"
        f" validation split: {made.metric.show(made.best.mean)}."
    )
    return replace(made, best_recipe=write_best(trial.loaded, said, work.workspace.root))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a recipe's runs against another sweep; raises MlxrError where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not hold(descriptor):
            raise MlxrError(f"Another sweep of {folder.name} is under way.", "Wait for its end.")
        yield
    finally:
        os.close(descriptor)
