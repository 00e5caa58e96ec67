"""Rows, batches, operations, seconds, memory: what follows from numbers alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxr.errors import MlxrError
from mlxr.files import write_jsonl
from mlxr.plan import duration, memory, need
from mlxr.plan.anatomy import Anatomy, Product, TrainedKind
from mlxr.plan.duration import line, saves, validations
from mlxr.plan.evidence import examine
from mlxr.plan.optimum import optimum
from mlxr.plan.trial import Timing, choose
from mlxr.plan.work import flops, forward_flops, seconds
from mlxr.plan.workload import Batch, Row, Workload, epoch, padding, read_rows
from mlxr.recipe import Compare, Train
from mlxr.train.config import Schedule

BLOCK = Product(
    "mlp", 8, 8, None, None, None, "bfloat16", head=False, trained=True, adapted=True, count=2
)
HEAD = replace(BLOCK, name="lm_head", outputs=100, head=True, adapted=False, count=1)
MODEL = Anatomy(
    parameters=1_000, blocks=2, trained_blocks=2, heads=2, trained=(TrainedKind("mlp", 2, 64),),
    frozen_bytes=2_000, trained_bytes=256, products=(BLOCK, HEAD), memory=1.0,
)  # fmt: skip
TRAIN = Train(batch_size=2, iters=6, grad_accumulation_steps=1)


def batch(width: int, targets: int = 8, rows: int = 2) -> Batch:
    return Batch(tuple(range(rows)), width, rows * width, targets)


def work(*batches: Batch, times: int = 1, train: Train = TRAIN) -> Workload:
    return Workload(train, 42, {"train": [], "valid": []}, dict.fromkeys(batches, times))


def lengths(*tokens: int) -> list[Row]:
    return [Row(number, count, count // 2) for number, count in enumerate(tokens, 1)]


def test_rows_are_as_long_as_training_takes_them(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    about = [{"tokens": 10, "offset": 4}, {"tokens": 40, "offset": 30}]
    write_jsonl(file, [{"mlxr": each} for each in about])
    assert read_rows(file, TRAIN) == [Row(1, 10, 6), Row(2, 40, 10)]
    assert read_rows(file, Train(mask_prompt=False)) == [Row(1, 10, 9), Row(2, 40, 39)]
    assert read_rows(file, Train(max_seq_length=32)) == [Row(1, 10, 6), Row(2, 32, 2)]
    assert read_rows(tmp_path / "none.jsonl", TRAIN) == []


@given(st.lists(st.integers(2, 200), min_size=1, max_size=40), st.integers(1, 5))
def test_an_epoch_has_every_row_once(tokens: list[int], size: int) -> None:
    rows = lengths(*tokens)
    train = Train(batch_size=size)
    for batches in (epoch(rows, train, 1, 0), epoch(rows, train, 1, 1)):
        assert sorted(place for b in batches for place in b.rows) == list(range(len(rows)))
        assert sum(b.tokens for b in batches) == sum(tokens)
        assert all(b.width >= max(rows[place].tokens for place in b.rows) for b in batches)
        assert 0 <= padding(batches) < 1


def test_padding_is_the_share_of_positions_without_a_token() -> None:
    assert padding([Batch((0, 1), 17, 30, 8)]) == pytest.approx(4 / 34)
    assert padding([]) == 0.0


def test_operations_are_two_a_weight_and_pass() -> None:
    one = batch(2, targets=2)  # two inputs, both with logits
    block, head = 2 * 64 * 2 * 2, 2 * 800 * 2
    scores = 4 * 2 * 1 * 8  # of one block, forward
    assert forward_flops(MODEL, TRAIN, one) == block + head + 2 * scores
    assert flops(MODEL, TRAIN, one) == 2 * block + 2 * head + 6 * scores, "frozen: no gradient"
    full = Train(batch_size=2, fine_tune_type="full")
    assert flops(MODEL, full, one) == 3 * block + 2 * head + 6 * scores
    again = Train(batch_size=2, grad_checkpoint=True)
    assert flops(MODEL, again, one) == 3 * block + 2 * head + 8 * scores
    early = replace(MODEL, products=(replace(BLOCK, trained=False), HEAD), trained_blocks=0)
    assert flops(early, TRAIN, one) == block + 2 * head + 2 * scores


def test_logits_of_masked_prompts_are_not_computed() -> None:
    long = batch(33, targets=4)
    assert long.inputs == 64
    assert long.logits == 4
    assert batch(33, targets=5).logits == 8, "filled up to sixteenths"
    more = flops(MODEL, Train(batch_size=2, mask_prompt=False), long) - flops(MODEL, TRAIN, long)
    assert more == 4 * 800 * (64 - 4)


def test_seconds_are_those_of_the_products() -> None:
    block = replace(BLOCK, forward=1.0, backward=10.0)
    head = replace(HEAD, forward=0.1, backward=0.2)
    model = replace(MODEL, products=(block, head))
    one = batch(2, targets=2)
    assert seconds(model, TRAIN, one) == pytest.approx(2 * (2 * 11 + 0.3))
    assert seconds(model, TRAIN, one, training=False) == pytest.approx(2 * (2 * 1 + 0.1))
    again = Train(batch_size=2, grad_checkpoint=True)
    assert seconds(model, again, one) == pytest.approx(2 * (2 * 12 + 0.3))


@given(st.floats(0, 5), st.floats(0.001, 5), st.lists(st.integers(1, 99), min_size=2, max_size=9))
def test_a_line_is_found_again(fixed: float, each: float, works: list[int]) -> None:
    if len(set(works)) > 1:
        found = line(works, [fixed + each * w for w in works])
        assert found == pytest.approx((fixed, each), rel=1e-6, abs=1e-6)


def test_a_line_never_falls_nor_begins_below_zero() -> None:
    assert line([1, 2], [3.0, 1.0]) == (2.0, 0.0)
    assert line([1, 2], [1.0, 4.0]) == pytest.approx((0.0, 2.5 / 1.5))
    assert line([5, 5], [1.0, 3.0]) == (2.0, 0.0)


def test_a_run_takes_its_iterations_its_validations_and_its_saves() -> None:
    small, large = batch(17), batch(33)
    laps = [(small, 1.0), (large, 2.0), (small, 1.0), (large, 2.0)]
    load = replace(work(small, large, times=3), rows={"train": [], "valid": lengths(*[17] * 4)})
    half = load.validation[:1]
    trial = Timing(5.0, laps, validations=[9.0, 0.5], validated=half, saves=[7.0, 0.25])
    length = Schedule(6, 2, 6, 4, 3)
    found = duration.measured(trial, MODEL, load, length)
    assert found.iteration == pytest.approx(1.5)
    assert found.validation == pytest.approx(1.0), "twice as many rows as were tried"
    assert (found.begin, found.save) == (5.0, 0.25), "the first of each is left out"
    assert validations(length, load) == 3, "before, after the fourth iteration, at the end"
    assert saves(length) == 2
    assert found.total == pytest.approx(6 * 1.5 + 3 * 1.0 + 2 * 0.25 + 5.0)
    assert found.low == pytest.approx(found.total) == pytest.approx(found.high)


def test_the_range_is_that_of_the_laps() -> None:
    one = batch(17)
    trial = Timing(0.0, [(one, 1.0), (one, 2.0), (one, 3.0)])
    found = duration.measured(trial, MODEL, work(one, times=10), Schedule(10, 10, 10, 5, 5))
    assert (found.low, found.total, found.high) == pytest.approx((10.0, 20.0, 30.0))


def test_memory_is_told_by_its_parts() -> None:
    found = memory.estimate(MODEL, TRAIN, batch(17, targets=32))
    assert found.weights == 2_000
    assert found.trained == 256 * 4, "weights, gradients and Adam's two"
    kept = 2 * (8 + 8) + 4 * 8 + 4 * 8  # in and out; input in 32 bits; rank 8
    assert found.activations == 2 * 32 * (kept + 2 * 2 * 16 * 2)
    assert found.logits == 4 * 2 * 100 * 32
    assert found.total == sum((2_000, 1_024, found.activations, found.logits))
    sgd = Train(optimizer="sgd", grad_accumulation_steps=2)
    assert memory.estimate(MODEL, sgd, batch(17)).trained == 256 * 4


def test_what_fits_is_found_by_the_same_steps_as_after_a_failure() -> None:
    rows = lengths(*[200] * 8)
    load = Workload(
        TRAIN, 1, {"train": rows, "valid": []}, dict.fromkeys(epoch(rows, TRAIN, 1, 0), 1)
    )
    train = Train(batch_size=8, iters=5)
    found = need.estimated(MODEL, train, epoch(rows, train, 1, 0))
    assert need.fitting(MODEL, train, rows, replace(found, limit=found.peak)) == {}
    assert need.fitting(MODEL, train, rows, replace(found, limit=None)) == {}
    half = replace(found, limit=0.6 * found.peak)
    assert need.fitting(MODEL, train, rows, half) == {
        "batch_size": 4, "grad_accumulation_steps": 2, "iters": 10,
    }  # fmt: skip
    little = need.fitting(MODEL, train, rows, replace(found, limit=found.peak / 60))
    assert little is not None
    assert little.keys() == {
        "batch_size", "grad_accumulation_steps", "iters", "grad_checkpoint", "max_seq_length",
    }  # fmt: skip
    assert need.fitting(MODEL, train, rows, replace(found, limit=1e-9)) is None
    twice = replace(found, peak=2 * found.peak, limit=found.peak)
    assert need.fitting(MODEL, train, rows, twice), "what was measured counts"
    assert load.tokens == 1600


def test_the_narrowest_the_middle_and_the_heaviest_batch_are_tried() -> None:
    batches = [batch(17), batch(33), batch(49), batch(65), batch(81), batch(81, rows=1)]
    load = work(*batches)
    assert choose(load, batches[3]) == [batches[0], batches[2], batches[3]]
    assert choose(work(batches[0]), batches[0]) == [batches[0]]
    assert choose(work(batches[5]), batches[5]) == [batches[5]], "fewer rows than a batch"


def test_chinchilla() -> None:
    """Table 3 of Hoffmann et al.: 400 million parameters, 8.0 billion tokens, 1.92e19."""
    model = replace(MODEL, parameters=400_000_000)
    found = optimum(model, work(batch(17), times=5))
    assert found.optimal_tokens == 8_000_000_000
    assert found.optimal == pytest.approx(1.92e19)
    assert found.tokens == 5 * 34
    assert found.rule == 6 * 400e6 * 170
    assert found.spent == 5 * flops(model, TRAIN, batch(17))
    equal = found.equal_parameters
    assert 6 * equal * 20 * equal == pytest.approx(found.spent)


def answers(folder: Path) -> Path:
    file = folder / "train.jsonl"
    message = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]
    write_jsonl(file, [{"messages": message, "mlxr": {"tokens": 4, "offset": 2}}])
    return file


def test_what_a_test_split_shows(tmp_path: Path) -> None:
    file = answers(tmp_path)
    found = examine(250, Compare(primary="exact", min_effect=0.1), file)
    assert [each.differ for each in found.shown] == [0.1, 0.3, 0.5]
    assert [each.smallest for each in found.shown] == pytest.approx(
        [0.0560, 0.0970, 0.1253], abs=1e-4
    )
    assert (found.rows, found.needed, found.verdict) == (250, 236, True)
    fewer = examine(250, Compare(primary="exact", limit=9, min_effect=0.4), file)
    assert (fewer.rows, fewer.verdict) == (9, False)
    assert [each.smallest for each in fewer.shown] == [None, None, None]
    assert fewer.needed == 20, "at least as many cases differ as the effect is large"
    assert examine(0, Compare(primary="exact"), file).shown == ()


def test_what_has_a_unit_is_not_judged_as_a_share(tmp_path: Path) -> None:
    found = examine(250, Compare(primary="nll_per_token", min_effect=0.1), answers(tmp_path))
    assert (found.share, found.needed) == (False, None)


def test_a_metric_that_there_is_not_is_told_before_training(tmp_path: Path) -> None:
    with pytest.raises(MlxrError, match="'exakt' is no metric"):
        examine(250, Compare(primary="exakt"), answers(tmp_path))
