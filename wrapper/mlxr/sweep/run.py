"""The sweep: trials one after another, none of them twice, whatever happened in between."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlxr.errors import MlxrError
from mlxr.events import Display
from mlxr.files import hold, sha256, write_json
from mlxr.recipe import Loaded
from mlxr.sweep.advance import FAILED, advance, settled
from mlxr.sweep.criterion import LOSS, Criterion, criterion
from mlxr.sweep.display import Short
from mlxr.sweep.found import Sweep
from mlxr.sweep.halving import mean_loss, rung, shares
from mlxr.sweep.space import Setting, label
from mlxr.sweep.standing import Row, Standing, ranked
from mlxr.sweep.trials import Trial, losses, trials
from mlxr.sweep.winner import write_best
from mlxr.workspace import Run, Workspace


@dataclass
class _Work:
    """A sweep under way."""

    groups: list[list[Trial]]
    """The trials of each setting."""
    criterion: Criterion
    workspace: Workspace
    display: Short
    sweep: Sweep
    base: float | None = None
    standings: list[Standing] = field(default_factory=list)
    runs: dict[int, Run] = field(default_factory=dict)
    """By the identity of the trial."""

    def halve(self) -> None:
        """Train all settings part of the way, again and again, and leave the worse half behind."""
        before: list[int] = []
        for share in shares(len(self.groups)):
            rungs = [rung(trial.length, share) for group in self.groups for trial in group]
            whole = [trial.length.iterations for group in self.groups for trial in group]
            if rungs == before or any(map(int.__ge__, rungs, whole)):
                continue  # validations are too far apart for this rung
            before = rungs
            self._train([trial for group in self.groups for trial in group], share)
            self.groups.sort(key=lambda group: self._loss(group, share))
            keep = math.ceil(len(self.groups) / 2)
            for group in self.groups[keep:]:
                self._leave(group, share)
            del self.groups[keep:]

    def finish(self) -> None:
        """Train and measure every trial that is left, each setting's together."""
        count, done = sum(map(len, self.groups)), 0
        for group in self.groups:
            rows = []
            for trial in group:
                done += 1
                rows.append(self._row(trial, f"{done} of {count}  {trial.label}"))
                self.keep([Standing(group[0].setting, tuple(rows))])
            self.standings.append(Standing(group[0].setting, tuple(rows)))

    def keep(self, under_way: Sequence[Standing] = ()) -> None:
        """Write what is known so far."""
        found = ranked([*self.standings, *under_way], self.criterion.metric)
        self.sweep = replace(self.sweep, base=self.base, standings=tuple(found))
        write_json(self.sweep.record, self.sweep.to_json())

    def _train(self, due: list[Trial], share: float) -> None:
        for i, trial in enumerate(due, start=1):
            place = rung(trial.length, share)
            before = self.runs.get(id(trial))
            if before and before.read_record()["status"] in FAILED:
                continue
            self.display.say(f"{i} of {len(due)}  {trial.label}: to iteration {place:,}")
            run = advance(trial, self.workspace, self.display, place)
            self.runs[id(trial)] = run
            self.display.say(f"    run {run.name}, {self._lowest(run)}")

    def _loss(self, group: list[Trial], share: float) -> float:
        return mean_loss([(trial, self.runs[id(trial)]) for trial in group], share)

    def _leave(self, group: list[Trial], share: float) -> None:
        place = rung(group[0].length, share)
        said = f"left behind at iteration {place:,}"
        self.display.say(f"{label(group[0].setting)}: {said}")
        rows = [_told(trial, self.runs[id(trial)], None, said) for trial in group]
        self.standings.append(Standing(group[0].setting, tuple(rows), place))

    def _row(self, trial: Trial, head: str) -> Row:
        """Train a trial to its end, measure it, and return what it came to."""
        before = self.runs.get(id(trial)) or settled(trial, self.workspace)
        self.display.say(head)
        if before and before.read_record()["status"] in FAILED:
            run = before
        else:
            run = advance(trial, self.workspace, self.display)
        record = run.read_record()
        if record["status"] in FAILED:
            row = _told(trial, run, None, record["result"]["message"])
        else:
            row = self._measured(trial, run)
        self.display.say(f"    run {run.name}, {self._said(row)}")
        return row

    def _measured(self, trial: Trial, run: Run) -> Row:
        try:
            measured = self.criterion.measure(run, self.workspace, self.display)
        except MlxrError as error:
            return _told(trial, run, None, error.message)
        self.base = measured.base if self.base is None else self.base
        missing = "" if measured.value is not None else f"{self.criterion.metric.name}: no figure"
        return _told(trial, run, measured.value, missing)

    def _said(self, row: Row) -> str:
        if row.value is None:
            return f"failed: {row.message}"
        value = f"{self.criterion.metric.title} {self.criterion.metric.show(row.value)}"
        if self.criterion.metric == LOSS or row.loss is None:
            return value
        return f"{value}, validation loss {row.loss:.3f}"

    def _lowest(self, run: Run) -> str:
        found = losses(run)
        return f"validation loss {min(found.values()):.3f}" if found else "no validation loss"


def _told(trial: Trial, run: Run, value: float | None, message: str) -> Row:
    record = run.read_record()
    result = record.get("result", {})
    loss = min(losses(run).values(), default=None)
    return Row(
        trial.seed, run.name, record["status"], result.get("iterations", 0), loss, value, message
    )


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
    work = _Work(
        groups, chosen, workspace, shown, Sweep(base.path, chosen.metric, None, (), record)
    )
    with _alone(record.parent):
        shown.say(_opening(base, found, groups, workspace))
        work.keep()
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
    return f"Sweeping {base.recipe.name}: {len(groups)} settings{seeds}{told}"


def _concluded(work: _Work) -> Sweep:
    """Return the sweep with the recipe of its best setting written; raises MlxrError without."""
    made = replace(work.sweep, finished=True)
    if made.best is None or made.best.mean is None:
        why = next(row.message for each in made.standings for row in each.rows)
        write_json(made.record, made.to_json())
        raise MlxrError(f"No trial came to anything. The first: {why}.", f"See {made.record}")
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
