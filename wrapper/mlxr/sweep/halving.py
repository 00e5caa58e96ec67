"""Successive halving: all settings get a part of the iterations, the better half gets more.

Jamieson and Talwalkar, 2016, "Non-stochastic best arm identification and hyperparameter
optimization", with a factor of 2. A training that stops at a rung keeps the schedule of the
whole, and goes on from there exactly.
"""

from __future__ import annotations

import math
from statistics import fmean

from mlxr.sweep.trials import Trial, losses
from mlxr.train.config import Schedule
from mlxr.workspace import Run


def shares(settings: int) -> list[float]:
    """Return the shares of the iterations after which half of the settings are left behind.

    The last of those before the end leaves two, of which one is trained whole.
    """
    return [2.0**-rung for rung in range(math.ceil(math.log2(settings)), 0, -1)]


def rung(length: Schedule, share: float) -> int:
    """Return the iteration of the first validation at or after a share of a training."""
    every = length.steps_per_eval
    return min(length.iterations, every * math.ceil(share * length.iterations / every))


def mean_loss(runs: list[tuple[Trial, Run]], share: float) -> float:
    """Return the lowest validation loss up to a rung, its mean over a setting's runs.

    Infinite where one failed on the way. What came after the rung is not looked at, so that a
    sweep that is started again decides as it did.
    """
    return fmean(_loss(run, rung(trial.length, share)) for trial, run in runs)


def _loss(run: Run, until: int) -> float:
    found = losses(run)
    if max(found, default=0) < until and run.read_record()["status"] != "patience":
        return math.inf
    return min((loss for at, loss in found.items() if at <= until), default=math.inf)
