"""How long a whole training takes, from what a few steps took or from products timed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlxr.plan.anatomy import Anatomy
from mlxr.plan.trial import Timing
from mlxr.plan.work import flops, forward_flops, seconds
from mlxr.plan.workload import Workload
from mlxr.train.config import Schedule

WIDE = 2.0
"""What an estimate from products alone may be wrong by, either way."""


@dataclass(frozen=True)
class Duration:
    """Seconds of a whole training, of its parts, and the range in which it will be."""

    begin: float | None
    """Until the first iteration; None where that was not measured."""
    iteration: float
    """One, on average."""
    validation: float
    """One, over the validation split."""
    save: float | None
    total: float
    low: float
    high: float


def measured(trial: Timing, anatomy: Anatomy, load: Workload, length: Schedule) -> Duration:
    """Return the time from a trial; a batch's is a line in its operations.

    The range: if every batch took as the fastest lap, or the slowest, beside that line.
    """
    works = [flops(anatomy, load.train, batch) for batch, _ in trial.laps]
    times = [lap for _, lap in trial.laps]
    fixed, each = line(works, times)
    counted = load.counted.items()
    total = sum(n * (fixed + each * flops(anatomy, load.train, batch)) for batch, n in counted)
    beside = [lap / (fixed + each * work) for work, lap in zip(works, times, strict=True)]
    validation = _validation(trial, anatomy, load)
    save = _warm(trial.saves)
    rest = validation * validations(length, load) + save * saves(length) + trial.begin
    return Duration(
        begin=trial.begin,
        iteration=total / length.iterations,
        validation=validation,
        save=save,
        total=total + rest,
        low=total * min(beside) + rest,
        high=total * max(beside) + rest,
    )


def estimated(anatomy: Anatomy, load: Workload, length: Schedule) -> Duration:
    """Return the time of the model's products, each timed alone; all else is left out."""
    train = load.train
    total = sum(n * seconds(anatomy, train, batch) for batch, n in load.counted.items())
    validation = sum(seconds(anatomy, train, batch, training=False) for batch in load.validation)
    whole = total + validation * validations(length, load)
    return Duration(
        begin=None,
        iteration=total / length.iterations,
        validation=validation,
        save=None,
        total=whole,
        low=whole / WIDE,
        high=whole * WIDE,
    )


def line(works: Sequence[float], times: Sequence[float]) -> tuple[float, float]:
    """Return (a, b) of the time a + b·work that fits best by least squares, neither below 0."""
    mean_work, mean_time = sum(works) / len(works), sum(times) / len(times)
    spread = sum((work - mean_work) ** 2 for work in works)
    pairs = zip(works, times, strict=True)
    slope = sum((w - mean_work) * (t - mean_time) for w, t in pairs) / spread if spread else 0.0
    slope = min(max(slope, 0.0), mean_time / mean_work)
    return mean_time - slope * mean_work, slope


def validations(length: Schedule, load: Workload) -> int:
    """Return how often a run validates: before it, every so many iterations, and at its end."""
    return 1 + -(-length.iterations // length.steps_per_eval) if load.validation else 0


def saves(length: Schedule) -> int:
    """Return how many checkpoints a run writes."""
    return -(-length.iterations // length.save_every)


def _validation(trial: Timing, anatomy: Anatomy, load: Workload) -> float:
    """Return the time of a whole validation from those of a part, by its operations."""
    if not trial.validated or not trial.validations:
        return 0.0
    part = sum(forward_flops(anatomy, load.train, batch) for batch in trial.validated)
    whole = sum(forward_flops(anatomy, load.train, batch) for batch in load.validation)
    return _warm(trial.validations) * whole / part


def _warm(times: Sequence[float]) -> float:
    """Return the mean without the first, which prepares what the others use."""
    kept = times[1:] or times
    return sum(kept) / len(kept) if kept else 0.0
