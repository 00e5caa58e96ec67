"""The loss on target positions alone is the plain one, in value and in gradient."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from conftest import MODEL
from mlxr.events import Note
from mlxr.train.batches import Batches
from mlxr.train.loss import answer_start_loss, separable, target_loss
from mlxr.train.start import gathers

ROWS = [([5 + (i * j) % 90 for j in range(n)], n // 2) for i, n in enumerate((9, 30, 33), 2)]


def tiny(kind: str, **more: Any) -> Any:
    """Return a model of random floats."""
    from importlib import import_module

    import mlx.core as mx

    module = import_module(f"mlx_lm.models.{kind}")
    config = {
        "model_type": kind, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16, "rms_norm_eps": 1e-5,
        "vocab_size": 99, "rope_theta": 1e4, "max_position_embeddings": 64, **more,
    }  # fmt: skip
    mx.random.seed(2)
    return module.Model(module.ModelArgs.from_dict(config))


def batch(*, gather: bool) -> tuple[Any, ...]:
    return next(Batches([len(row) for row, _ in ROWS], 1, gather=gather)(ROWS, 3, 64))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_value_count_and_gradients_are_the_same(tied: bool, weight: float) -> None:
    import mlx.core as mx
    import mlx.nn as nn
    from mlx.utils import tree_flatten
    from mlx_lm.tuner.trainer import default_loss

    model = tiny("llama", tie_word_embeddings=tied)
    loss = target_loss if weight == 1 else answer_start_loss(weight, 4)
    plain = default_loss if weight == 1 else loss
    (one, count), gradient = nn.value_and_grad(model, loss)(model, *batch(gather=True))
    (other, all_of_them), expected = nn.value_and_grad(model, plain)(model, *batch(gather=False))
    assert count.item() == all_of_them.item() == sum(len(row) - start for row, start in ROWS)
    assert one.item() == pytest.approx(other.item(), rel=1e-6)
    found = dict(tree_flatten(gradient))
    for name, value in tree_flatten(expected):
        assert mx.allclose(found[name], value, rtol=1e-4, atol=1e-6).item(), name


def test_the_head_sees_few_positions_and_all_targets() -> None:
    tokens, ranges, positions = batch(gather=True)
    width = tokens.shape[1] - 1
    places = {(p // width, p % width + 1) for p in positions.tolist()}
    wanted = {(i, t) for i, (a, b) in enumerate(ranges.tolist()) for t in range(a, b + 1)}
    assert wanted <= places <= wanted | {(0, 1)}
    assert len(positions) % (3 * width // 16) == 0
    assert len(wanted) <= len(positions) < len(wanted) + 3 * width / 16


def test_a_batch_without_targets_has_the_loss_nought() -> None:
    import mlx.core as mx

    model = tiny("llama", tie_word_embeddings=True)
    tokens, ranges = mx.ones((2, 17), mx.int32), mx.array([[1, 0], [1, 0]])
    assert [value.item() for value in target_loss(model, tokens, ranges)] == [0.0, 0]


def test_models_that_change_their_logits_are_found_out() -> None:
    """Cohere scales them by a power of two; Gemma 2 bends them, near nought by next to nothing."""
    import mlx.core as mx

    tokens = mx.array([[5, 6, 7, 8]])
    assert separable(tiny("llama", tie_word_embeddings=True), tokens)
    assert separable(tiny("qwen3", tie_word_embeddings=False), tokens)
    assert not separable(tiny("gemma2", query_pre_attn_scalar=16), tokens)
    assert not separable(tiny("cohere", layer_norm_eps=1e-5), tokens)
    assert not separable(SimpleNamespace(eval=lambda: None, train=lambda: None), tokens)


def test_it_is_used_on_masked_prompts_only_and_its_lack_is_told() -> None:
    from mlx_lm import load

    class Rows(list[Any]):
        _data = SimpleNamespace(mask_prompt=True)

    told: list[Any] = []
    pipe: Any = SimpleNamespace(send=told.append)
    quantised, _ = load(str(MODEL))
    rows = Rows(ROWS)
    assert gathers(quantised, rows, pipe)
    assert told == []
    assert not gathers(tiny("gemma2", query_pre_attn_scalar=16), rows, pipe)
    assert [type(event) for event in told] == [Note]
    rows._data.mask_prompt = False
    assert not gathers(quantised, rows, pipe)
