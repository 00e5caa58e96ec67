"""What a training does with its rows: every batch, known before anything is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlxr.files import numbered_jsonl
from mlxr.recipe import Train
from mlxr.train.batches import epoch_batches, filled_up, padded
from mlxr.train.rows import targets
from mlxr.train.stage import Plan


@dataclass(frozen=True)
class Row:
    """One record of a split, as long as training takes it."""

    line: int
    """Its number in the split's file, from 1."""
    tokens: int
    targets: int


@dataclass(frozen=True)
class Batch:
    """Rows that are computed together."""

    rows: tuple[int, ...]
    """Their places among the rows of the split."""
    width: int
    """Tokens of the longest, padded."""
    tokens: int
    targets: int

    @property
    def inputs(self) -> int:
        """Positions that pass through the model, padding included."""
        return len(self.rows) * (self.width - 1)

    @property
    def logits(self) -> int:
        """Positions for which the head computes logits, where prompts are masked."""
        return min(self.inputs, filled_up(self.targets, self.inputs))


def read_rows(file: Path, train: Train) -> list[Row]:
    """Return the rows of a split that prep wrote; none where it is missing."""
    found: list[Row] = []
    if not file.is_file():
        return found
    for line, record in numbered_jsonl(file):
        about = record["mlxr"]
        offset = about["offset"] if train.mask_prompt else 0
        length = min(about["tokens"], train.max_seq_length)
        found.append(Row(line, length, targets(length, offset, train.max_seq_length)))
    return found


def epoch(rows: Sequence[Row], train: Train, seed: int, number: int) -> list[Batch]:
    """Return one epoch of a training, in its order; a validation takes that of number 0."""
    return _batches(rows, train, epoch_batches(*_told(rows, train, seed), number))


@dataclass(frozen=True)
class Workload:
    """The rows and batches of a training."""

    train: Train
    seed: int
    rows: Mapping[str, Sequence[Row]]
    """Of the splits that training reads: train and valid."""
    counted: Mapping[Batch, int]
    """The batches of the whole training, each with how often it comes."""

    @property
    def batches(self) -> list[Batch]:
        """Each batch once."""
        return list(self.counted)

    @property
    def tokens(self) -> int:
        """Tokens that training sees, padding not among them."""
        return sum(batch.tokens * number for batch, number in self.counted.items())

    @property
    def targets(self) -> int:
        """Of them those that are trained on."""
        return sum(batch.targets * number for batch, number in self.counted.items())

    @property
    def validation(self) -> list[Batch]:
        """The batches of one validation."""
        if not self.train.val_batches or not self.rows["valid"]:
            return []
        batches = self.whole("valid")
        return batches[: self.train.val_batches] if self.train.val_batches > 0 else batches

    def whole(self, split: str) -> list[Batch]:
        """Return the batches of a split, as a validation of all of it takes them."""
        return epoch(self.rows[split], self.train, self.seed, 0)


def workload(plan: Plan) -> Workload:
    """Return what a plan trains and validates on.

    Epochs differ in which rows of like width meet; the first stands for all complete ones.
    """
    recipe = plan.loaded.recipe
    train, seed, length = recipe.train, recipe.seed, plan.length
    rows = {name: read_rows(plan.prepared.split(name), train) for name in ("train", "valid")}
    whole, rest = divmod(length.iterations, length.batches_per_epoch)
    counted: Counter[Batch] = Counter()
    for batch in epoch(rows["train"], train, seed, 0) if whole else []:
        counted[batch] += whole
    for batch in epoch(rows["train"], train, seed, whole)[:rest]:
        counted[batch] += 1
    return Workload(train, seed, rows, counted)


def padding(batches: Sequence[Batch]) -> float:
    """Return the share of positions in these batches that hold no token."""
    positions = sum(len(batch.rows) * batch.width for batch in batches)
    return 1 - sum(batch.tokens for batch in batches) / positions if positions else 0.0


def _told(rows: Sequence[Row], train: Train, seed: int) -> tuple[list[int], int, int]:
    return [row.tokens for row in rows], train.batch_size, seed


def _batches(rows: Sequence[Row], train: Train, order: Sequence[tuple[int, ...]]) -> list[Batch]:
    return [_batch(rows, train, places) for places in order]


def _batch(rows: Sequence[Row], train: Train, places: tuple[int, ...]) -> Batch:
    inside = [rows[place] for place in places]
    return Batch(
        rows=places,
        width=min(padded(max(row.tokens for row in inside)), train.max_seq_length),
        tokens=sum(row.tokens for row in inside),
        targets=sum(row.targets for row in inside),
    )
