"""The work of a sweep: its trials one after another, and what each came to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from mlxr.errors import MlxrError
from mlxr.files import write_json
from mlxr.sweep.advance import FAILED, advance, settled
from mlxr.sweep.criterion import LOSS, Criterion
from mlxr.sweep.display import Short
from mlxr.sweep.found import Sweep
from mlxr.sweep.halving import mean_loss, rung, shares
from mlxr.sweep.space import label
from mlxr.sweep.standing import Row, Standing, ranked
from mlxr.sweep.trials import Trial, losses
from mlxr.workspace import Run, Workspace


@dataclass
class Work:
    """A sweep under way."""

    groups: list[list[Trial]]
    """The trials of each setting."""
    criterion: Criterion
    workspace: Workspace
    display: Short
    sweep: Sweep
    base: float | None = None
    standings: list[Standing] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    """Where a trial has got one, by its label."""

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
            before = self.runs.get(trial.label)
            if before and before.read_record()["status"] in FAILED:
                continue
            self.display.say(f"{i} of {len(due)}  {trial.label}: to iteration {place:,}")
            run = advance(trial, self.workspace, self.display, place)
            self.runs[trial.label] = run
            self.display.say(f"    run {run.name}, {self._lowest(run)}")

    def _loss(self, group: list[Trial], share: float) -> float:
        return mean_loss([(trial, self.runs[trial.label]) for trial in group], share)

    def _leave(self, group: list[Trial], share: float) -> None:
        place = rung(group[0].length, share)
        said = f"left behind at iteration {place:,}"
        self.display.say(f"{label(group[0].setting)}: {said}")
        rows = [_told(trial, self.runs[trial.label], None, said) for trial in group]
        self.standings.append(Standing(group[0].setting, tuple(rows), place))

    def _row(self, trial: Trial, head: str) -> Row:
        """Train a trial to its end, measure it, and return what it came to."""
        before = self.runs.get(trial.label) or settled(trial, self.workspace)
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
