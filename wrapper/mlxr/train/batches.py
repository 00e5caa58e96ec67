"""The batches that mlx_lm trains and validates on.

Stock mlx_lm takes rows in file order, drops the last incomplete batch of each epoch, counts
one padding token of every row as a target, and draws from the generator that validation
disturbs (tuner/trainer.py, `iterate_batches` and `default_loss`). These batches hold rows of
like length, every row once an epoch, and the true target range; their order comes from a
generator of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

PAD_TO = 16
"""Input widths are multiples of this, so that MLX meets few shapes."""


SIXTEENTHS = 16
"""The targets of a batch are filled up to a multiple of this share of its positions."""


@dataclass
class Batches:
    """Yields batches, in the place of mlx_lm's `iterate_batches`.

    `lengths` are the rows' token counts. After each batch `rows` holds the indices in it and
    `padding` the share of its positions that hold no token.
    """

    lengths: Sequence[int]
    seed: int
    skip: int = 0
    """Batches to leave out at the beginning: those seen before a resumed training stopped."""
    targets: Sequence[int] | None = None
    """The rows' target tokens; given, each batch comes with its weights in its update."""
    accumulated: int = 1
    """Batches to an update."""
    gather: bool = False
    """Whether each batch comes with the positions of its targets."""
    rows: tuple[int, ...] = field(default=(), init=False)
    padding: float = field(default=0.0, init=False)

    def __call__(
        self,
        dataset: Any,
        batch_size: int,
        max_seq_length: int,
        loop: bool = False,
        seed: int | None = None,  # noqa: ARG002 - mlx_lm's signature
        comm_group: Any = None,
    ) -> Iterator[tuple[Any, ...]]:
        """Yield (tokens, ranges), with positions and weights where wanted, as mlx arrays.

        tokens: int32, (rows, width), padded on the right with 0. ranges: int32, (rows, 2):
        the first and last target position of each row, counted as mlx_lm's loss does.
        positions: see `positions`. weights: float32, (2,): see `weighted_loss`.
        Without `loop` one epoch, always the same; with it epochs without end.
        Each of several ranks gets its part of the same batches.
        """
        import mlx.core as mx

        rank, size = (comm_group.rank(), comm_group.size()) if comm_group else (0, 1)
        for rows, weights in self._weighted(self._order(batch_size, loop=loop), rank, size):
            self.rows, mine = rows, rows[rank::size]
            arrays = self._arrays([dataset[row] for row in mine or rows[:1]], max_seq_length)
            if not mine:  # fewer rows than ranks: one of them, without a target
                arrays[1][:] = (1, 0)
            if self.gather:
                arrays.append(positions(arrays[1], arrays[0].shape[1]))
            if weights is not None:
                arrays.append(weights)
            # All arrays, as mlx_lm's compiled step would be compiled anew for every other float.
            yield tuple(map(mx.array, arrays))

    def _order(self, batch_size: int, *, loop: bool) -> Iterator[tuple[int, ...]]:
        """Yield the rows of one batch after another, over all ranks."""
        epoch, seen = divmod(self.skip, -(-len(self.lengths) // batch_size))
        while True:
            order = epoch_batches(self.lengths, batch_size, self.seed, epoch)
            yield from order[seen:]
            if not loop:
                return
            epoch, seen = epoch + 1, 0

    def _weighted(
        self, order: Iterator[tuple[int, ...]], rank: int, size: int
    ) -> Iterator[tuple[tuple[int, ...], Any]]:
        """Yield the rows of each batch, and what this rank's part of it weighs.

        mlx_lm takes the plain mean over the batches and ranks of an update; batches of like
        length differ much in target tokens. With these weights each target token counts alike:
        in the gradient among those of the update, in the value among those of the batch.
        """
        import numpy as np

        while update := list(islice(order, self.accumulated)):
            if self.targets is None:
                yield from ((rows, None) for rows in update)
                continue
            totals = [sum(self.targets[row] for row in rows) for rows in update]
            for rows, total in zip(update, totals, strict=True):
                share = sum(self.targets[row] for row in rows[rank::size]) * size
                gradient = share * len(update) / max(1, sum(totals))
                yield rows, np.array([gradient, share / max(1, total)], np.float32)

    def _arrays(self, items: Sequence[tuple[list[int], int]], longest: int) -> list[Any]:
        import numpy as np

        tokens = [item[0][:longest] for item in items]
        width = min(padded(max(map(len, tokens))), longest)
        array = np.zeros((len(items), width), np.int32)
        for line, row in zip(array, tokens, strict=True):
            line[: len(row)] = row
        # The loss counts positions offset … last inclusive; the target at position s is token s.
        ranges = [(offset, len(row) - 1) for (_, offset), row in zip(items, tokens, strict=True)]
        self.padding = 1 - sum(map(len, tokens)) / array.size
        return [array, np.array(ranges, np.int32)]


def positions(ranges: Any, width: int) -> Any:
    """Return the places of a batch's targets among its (rows × (width - 1)) inputs, as int32.

    They are filled up with 0 to whole sixteenths of the inputs, so that MLX meets few shapes.
    """
    import numpy as np

    place = np.arange(1, width)
    found = np.flatnonzero((place >= ranges[:, :1]) & (place <= ranges[:, 1:]))
    filled = np.zeros(filled_up(len(found), len(ranges) * len(place)), np.int32)
    filled[: len(found)] = found
    return filled


def filled_up(targets: int, inputs: int) -> int:
    """Return for how many of its inputs the logits of a batch with so many targets are computed."""
    share = -(-inputs // SIXTEENTHS)
    return share * max(1, -(-targets // share))


def padded(length: int) -> int:
    """Return the array width for rows of up to `length` tokens: one more than a multiple of PAD_TO.

    The last token is never an input, so the model sees a multiple.
    """
    return 1 + PAD_TO * -(-(length - 1) // PAD_TO)


def epoch_batches(
    lengths: Sequence[int], batch_size: int, seed: int, epoch: int
) -> list[tuple[int, ...]]:
    """Return one epoch's batches as row indices; every row is in exactly one.

    Rows are ordered by padded width, at random within it, then cut into batches, the incomplete
    one at a random place among the widths. They come in random order: so the first few are a
    fair sample, for whoever validates on these alone.
    """
    import numpy as np

    draw = np.random.default_rng([seed, epoch])
    order = draw.permutation(len(lengths))
    widths = np.array([padded(n) for n in lengths])
    order = order[np.argsort(widths[order], kind="stable")]
    full, rest = divmod(len(order), batch_size)
    sizes = [batch_size] * full
    if rest:
        sizes.insert(int(draw.integers(full + 1)), rest)
    cuts = np.cumsum(sizes)[:-1]
    batches = [tuple(int(i) for i in part) for part in np.split(order, cuts)]
    return [batches[i] for i in draw.permutation(len(batches))]
