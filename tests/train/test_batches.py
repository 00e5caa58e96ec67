"""Batches: every row once an epoch, rows of like length together, the true target range."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxr.train.batches import PAD_TO, Batches, epoch_batches, padded
from mlxr.train.loss import target_loss, weighted_loss
from mlxr.train.rows import row_targets

ROWS = st.lists(st.integers(2, 300), min_size=1, max_size=80)


@given(lengths=ROWS, size=st.integers(1, 9), epoch=st.integers(0, 3))
def test_every_row_is_in_exactly_one_batch(lengths: list[int], size: int, epoch: int) -> None:
    batches = epoch_batches(lengths, size, 7, epoch)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert sum(len(batch) < size for batch in batches) <= 1
    assert all(0 < len(batch) <= size for batch in batches)


@given(lengths=ROWS, size=st.integers(1, 9))
def test_batches_hold_neighbours_in_length(lengths: list[int], size: int) -> None:
    batches = epoch_batches(lengths, size, 7, 0)
    spans = sorted(
        (min(padded(lengths[i]) for i in b), max(padded(lengths[i]) for i in b)) for b in batches
    )
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_order_changes_with_epoch_and_seed_and_with_nothing_else() -> None:
    lengths = [10 + i % 7 for i in range(64)]
    first = epoch_batches(lengths, 4, 1, 0)
    assert first == epoch_batches(lengths, 4, 1, 0)
    assert first != epoch_batches(lengths, 4, 1, 1)
    assert first != epoch_batches(lengths, 4, 2, 0)


def test_the_first_batches_are_a_fair_sample_of_lengths() -> None:
    """Else `val_batches = 2` would validate on the shortest rows alone."""
    lengths = [16 * (1 + i) for i in range(200)]
    first = [i for batch in epoch_batches(lengths, 4, 42, 0)[:10] for i in batch]
    assert min(first) < 60 < 140 < max(first)
    assert 70 < sum(first) / len(first) < 130


def test_the_incomplete_batch_is_not_always_the_longest_rows() -> None:
    lengths = [16 * (1 + i) for i in range(9)]
    short = {
        next(batch for batch in epoch_batches(lengths, 4, 3, epoch) if len(batch) < 4)
        for epoch in range(20)
    }
    assert len(short) > 1


@pytest.mark.parametrize(("length", "width"), [(2, 17), (17, 17), (18, 33), (33, 33)])
def test_the_model_sees_widths_of_a_multiple(length: int, width: int) -> None:
    assert padded(length) == width
    assert (width - 1) % PAD_TO == 0


def test_padding_is_no_target() -> None:
    """mlx_lm's mask is offset <= position <= last; the last position is a token, not padding."""
    rows = [([5, 6, 7, 8], 2), ([1, 2, 3, 4, 5, 6, 7], 3)]
    batches = Batches([4, 7], seed=0)
    tokens, ranges = next(iter(batches(rows, 2, 64)))
    assert tokens.shape == (2, 17)
    assert ranges.tolist() == [[2, 3], [3, 6]]
    assert tokens[0].tolist() == [5, 6, 7, 8] + [0] * 13
    assert batches.rows == (0, 1)
    assert batches.padding == pytest.approx(1 - 11 / 34)


def test_mlx_lms_own_loss_over_these_batches_counts_target_tokens_only() -> None:
    import mlx.core as mx
    from mlx_lm.tuner.trainer import default_loss

    rows = [([5, 6, 7, 8], 2), ([1, 2, 3, 4, 5, 6, 7], 3)]
    tokens, ranges = next(iter(Batches([4, 7], seed=0)(rows, 2, 64)))
    _, count = default_loss(lambda x: mx.zeros((*x.shape, 10)), tokens, ranges)
    assert count.item() == (4 - 2) + (7 - 3)


class Group:
    """One of several ranks."""

    def __init__(self, rank: int, size: int = 2) -> None:
        self._rank, self._size = rank, size

    def rank(self) -> int:
        return self._rank

    def size(self) -> int:
        return self._size


def test_ranks_share_each_batch() -> None:
    rows = [([row] * 9, 2) for row in range(12)]
    seen = []
    for rank in (0, 1):
        batches = Batches([9] * 12, seed=4)
        stream = batches(rows, 4, 64, loop=True, comm_group=Group(rank))
        seen.append([(batches.rows, tokens[:, 0].tolist()) for tokens, _ in islice(stream, 3)])
    assert all(
        sorted([*mine, *others]) == sorted(whole) == sorted(again)
        for (whole, mine), (again, others) in zip(*seen, strict=True)
    )
    assert sorted(row for rank in seen for _, part in rank for row in part) == list(range(12))


def test_a_rank_without_rows_has_no_targets_but_takes_its_turn() -> None:
    rows = [([1] * 9, 2)] * 5
    batches = list(Batches([9] * 5, 4, gather=True)(rows, 4, 64, comm_group=Group(2, 3)))
    [(tokens, ranges, positions)] = [each for each in batches if each[1].tolist() == [[1, 0]]]
    assert (tokens.shape, ranges.tolist()) == ((1, 17), [[1, 0]])
    assert set(positions.tolist()) == {0}


def test_ranks_and_batches_of_an_update_amount_to_one_large_batch() -> None:
    """So do the values of a batch's parts: their mean is the batch's loss."""
    import mlx.core as mx
    import numpy as np

    rows = [([1 + i % 6] * n, 3) for i, n in enumerate((5, 9, 30, 33, 47))]
    targets = [len(tokens) - offset for tokens, offset in rows]
    lengths = [len(tokens) for tokens, _ in rows]
    mx.random.seed(2)
    table = mx.random.normal((7, 7))

    def measured(batch: tuple[Any, ...], loss: Callable[..., Any]) -> tuple[float, Any]:
        value, gradient = mx.value_and_grad(lambda t: loss(lambda x: t[x], *batch)[0])(table)
        return value.item(), np.array(gradient)

    parts = []
    for rank in (0, 1):
        batches = Batches(lengths, 4, targets=targets, accumulated=3)
        stream = batches(rows, 2, 64, loop=True, comm_group=Group(rank))
        parts.append([measured(part, weighted_loss(target_loss)) for part in islice(stream, 3)])
    whole = measured(next(iter(Batches(lengths, 4)(rows, 5, 64))), target_loss)
    gradients = [gradient for rank in parts for _, gradient in rank]
    assert sum(gradients) / 6 == pytest.approx(whole[1], abs=1e-6)
    alone = [
        measured(batch, target_loss)[0]
        for batch in islice(Batches(lengths, 4)(rows, 2, 64, loop=True), 3)
    ]
    told = [(one[0] + other[0]) / 2 for one, other in zip(*parts, strict=True)]
    assert told == pytest.approx(alone, rel=1e-6)


def test_batches_of_an_update_weigh_as_much_as_their_target_tokens() -> None:
    """The mean of the weighted gradients is then that of one large batch."""
    import mlx.core as mx
    import numpy as np
    from mlx_lm.tuner.trainer import default_loss

    rows = [([1] * n, 3) for n in (5, 9, 30, 33, 47, 60)]
    targets = [len(tokens) - offset for tokens, offset in rows]
    batches = Batches([len(tokens) for tokens, _ in rows], 4, targets=targets, accumulated=3)
    mx.random.seed(2)
    table = mx.random.normal((7, 7))
    loss = weighted_loss(default_loss)

    def gradient(table: object, *batch: object, loss: Callable[..., Any]) -> Any:
        return mx.grad(lambda t: loss(lambda tokens: t[tokens], *batch)[0])(table)

    parts = list(islice(batches(rows, 2, 64, loop=True), 3))
    assert sum(weights[0].item() for _, _, weights in parts) == pytest.approx(3)
    mean = sum(np.array(gradient(table, *part, loss=loss)) for part in parts) / 3
    whole = next(iter(Batches(batches.lengths, 4)(rows, 6, 64)))
    assert mean == pytest.approx(np.array(gradient(table, *whole, loss=default_loss)), abs=1e-6)
    plain = [default_loss(lambda tokens: table[tokens], *part[:2])[0].item() for part in parts]
    told = [loss(lambda tokens: table[tokens], *part)[0].item() for part in parts]
    assert told == pytest.approx(plain, rel=1e-6)


def test_target_tokens_are_counted_as_the_loss_does() -> None:
    from mlx_lm.tuner.datasets import CacheDataset, ChatDataset

    records = [{"mlxr": {"tokens": 20, "offset": 12}}, {"mlxr": {"tokens": 9, "offset": 4}}]
    for masked, expected in ((True, [4, 5]), (False, [15, 8])):
        dataset = CacheDataset(ChatDataset(records, tokenizer=None, mask_prompt=masked))
        assert row_targets(dataset, 16) == expected
