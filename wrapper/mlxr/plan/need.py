"""The memory that a training needs, whether the machine has it, and what to change if not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlxr import provenance
from mlxr.plan.anatomy import Anatomy
from mlxr.plan.memory import Memory, estimate
from mlxr.plan.workload import Batch, Row, epoch
from mlxr.recipe import Train
from mlxr.train.faults import lighter

GB = 1e9


@dataclass(frozen=True)
class Need:
    """Memory at the height of training, in GB (10^9 bytes)."""

    peak: float
    measured: bool
    parts: Memory
    """The estimate from the config, in bytes, also where `peak` was measured."""
    limit: float | None
    """What MLX may use on this machine, where known."""
    machine: float | None
    """The machine's own memory, where known."""
    heaviest: Batch
    """The batch that needs most."""

    @property
    def fits(self) -> bool | None:
        """Whether it is within the limit; None where that is not known."""
        return None if self.limit is None else self.peak <= self.limit


def heaviest(anatomy: Anatomy, train: Train, batches: Sequence[Batch]) -> Batch:
    """Return the batch that needs most memory."""
    need: Callable[[Batch], int] = lambda batch: estimate(anatomy, train, batch).total  # noqa: E731
    return max(batches, key=need)


def estimated(anatomy: Anatomy, train: Train, batches: Sequence[Batch]) -> Need:
    """Return the need by the model's config."""
    batch = heaviest(anatomy, train, batches)
    parts = estimate(anatomy, train, batch)
    bytes_ = provenance.machine()["memory"]
    machine = bytes_ / GB if isinstance(bytes_, int) else None
    return Need(parts.total / GB, False, parts, anatomy.memory, machine, batch)


def fitting(
    anatomy: Anatomy, train: Train, rows: Sequence[Row], need: Need
) -> dict[str, Any] | None:
    """Return the keys of [train] with which it would fit, the cheapest first; {} where it does.

    The estimate is taken in the proportion in which the measured need stood to it. None where
    nothing of it is enough.
    """
    settings: dict[str, Any] = {}
    peak, off = need.peak, need.peak / (need.parts.total / GB)
    while need.limit is not None and peak > need.limit:
        more = lighter(train)
        if more.items() <= train.model_dump().items():
            return None
        settings |= more
        train = train.model_copy(update=more)
        cut = [replace(row, tokens=min(row.tokens, train.max_seq_length)) for row in rows]
        peak = off * estimated(anatomy, train, epoch(cut, train, 0, 0)).peak
    return settings
