"""Bringing one trial on: from nothing, from where it stopped, or not at all where it is done."""

from __future__ import annotations

from mlxr.errors import MlxrError
from mlxr.events import Display
from mlxr.files import wait_for
from mlxr.sweep.trials import Trial, losses
from mlxr.train.stage import plan, resume, train
from mlxr.train.state import resumable
from mlxr.workspace import Run, Workspace

SETTLED = {"done", "patience", "nonfinite"}
"""Ends after which training again would only give the same."""
FAILED = {"nonfinite", "memory", "killed", "error"}
"""Ends that concern one trial; a full disk concerns all."""


def advance(trial: Trial, workspace: Workspace, display: Display, pause: int | None = None) -> Run:
    """Return the trial's run, trained to its end, or through `pause` iterations.

    A failed training is a result as well; its run.json says why. Raises KeyboardInterrupt when
    it was asked to stop, MlxrError when no other trial could do better.
    """
    run = _run(trial, workspace)
    if run is not None and _reached(run, pause):
        return run
    try:
        if run is not None and resumable(run.checkpoints):
            training = resume(run, workspace, display, pause)
        else:
            training = train(plan(trial.loaded, workspace), workspace, display, pause)
    except MlxrError:
        failed = _run(trial, workspace)
        if failed is None or failed.read_record()["status"] not in FAILED:
            raise
        return failed
    if training.reason == "interrupted":
        raise KeyboardInterrupt
    return training.run


def settled(trial: Trial, workspace: Workspace) -> Run | None:
    """Return the trial's run if there is nothing left to train."""
    run = _run(trial, workspace)
    return run if run is not None and _reached(run, None) else None


def _run(trial: Trial, workspace: Workspace) -> Run | None:
    """Return the trial's run that got furthest, once nobody trains it.

    A training whose mlxr was killed still saves before it ends.
    """
    runs = trial.runs(workspace)
    for run in runs:
        wait_for(run.log)
    return max(runs, key=_progress, default=None)


def _progress(run: Run) -> tuple[bool, int]:
    found = resumable(run.checkpoints)
    return _reached(run, None), int(found[-1].name) if found else 0


def _reached(run: Run, pause: int | None) -> bool:
    """Tell whether a run is done, or was measured after `pause` iterations."""
    if run.read_record()["status"] in SETTLED:
        return True
    return pause is not None and max(losses(run), default=0) >= pause
