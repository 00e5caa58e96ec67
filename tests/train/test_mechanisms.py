"""Clipping, the weight of an answer's beginning, and what counts as an improvement."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlxr.train.loss import answer_start_loss
from mlxr.train.state import Progress
from train.runs import Run, Write, events, float_model, prepared


def test_the_gradient_is_measured_and_scaled_to_the_limit() -> None:
    import mlx.core as mx
    import mlx.nn as nn
    import mlx.optimizers as optim

    from mlxr.train.optimizer import Watched

    gradient = {"weight": mx.array([[3.0, 0.0], [0.0, 4.0]])}
    for limit, step in ((None, 4.0), (10.0, 4.0), (1.0, 0.8)):
        model = nn.Linear(2, 2, bias=False)
        before = model.weight
        watched = Watched(optim.SGD(learning_rate=1.0), limit)
        watched.update(model, gradient)
        assert watched.norm == pytest.approx(5.0)
        moved = before - model.weight
        assert moved.tolist() == [
            pytest.approx([0.75 * step, 0.0], abs=1e-6),
            pytest.approx([0.0, step], abs=1e-6),
        ]


def test_16_bit_gradients_keep_their_type_and_are_summed_in_32() -> None:
    import mlx.core as mx
    import mlx.nn as nn
    import mlx.optimizers as optim

    from mlxr.train.optimizer import Watched

    model = nn.Linear(8, 64, bias=False)
    model.set_dtype(mx.bfloat16)
    watched = Watched(optim.SGD(learning_rate=1.0), 1.0)
    watched.update(model, {"weight": mx.full((64, 8), 0.1, mx.bfloat16)})
    assert model.weight.dtype == mx.bfloat16
    value = float(mx.array(0.1, mx.bfloat16))
    assert watched.norm == pytest.approx(value * 512**0.5, rel=1e-5)


def test_the_weight_falls_in_a_line_from_the_first_answer_token() -> None:
    """One row, so that the gradient of each logit shows its token's weight."""
    import mlx.core as mx
    import numpy as np

    tokens = mx.array([[1, 1, 1, 1, 1, 1, 1, 1]])
    ranges = mx.array([[2, 6]])  # targets at 2 … 6; at 7 padding
    loss = answer_start_loss(5.0, 4)
    zeros = mx.zeros((1, 7, 3))
    gradient = np.array(mx.grad(lambda x: loss(lambda _: x, tokens, ranges)[0])(zeros))[0, :, 0]
    weights = gradient / gradient[5]  # place 6 is past the window
    assert weights == pytest.approx([0, 5, 4, 3, 2, 1, 0])
    mean = 3 * gradient.sum() * 5 / 5  # each logit's gradient is its share of weight / 3
    assert mean == pytest.approx(1.0)


def test_its_value_is_the_plain_mean_over_target_tokens() -> None:
    import mlx.core as mx
    from mlx_lm.tuner.trainer import default_loss

    mx.random.seed(1)
    logits = mx.random.normal((2, 9, 11))
    tokens = mx.random.randint(0, 11, (2, 10))
    ranges = mx.array([[2, 9], [4, 7]])
    weighted = answer_start_loss(3.0, 4)(lambda _: logits, tokens, ranges)
    plain = default_loss(lambda _: logits, tokens, ranges)
    assert weighted[0].item() == pytest.approx(plain[0].item(), rel=1e-6)
    assert weighted[1].item() == plain[1].item() == 8 + 4


def test_an_improvement_is_measured_from_the_last_one() -> None:
    progress = Progress()
    waited = []
    for loss in (3.0, 2.95, 2.92, 2.89, 2.95):
        progress.count(loss, min_delta=0.1)
        waited.append(progress.waiting)
    assert waited == [0, 1, 2, 0, 1]


def test_a_loss_that_is_no_number_is_no_improvement() -> None:
    progress = Progress()
    for loss in (float("nan"), 2.0, float("nan")):
        progress.count(loss, min_delta=0.0)
    assert (progress.reference, progress.waiting) == (2.0, 1)


def test_early_stopping_counts_by_min_delta(mlxr: Run, write_recipe: Write, tmp_path: Path) -> None:
    """The loss falls at each validation, but never by a hundred nats."""
    recipe = write_recipe(
        model=float_model(tmp_path / "model"), learning_rate=2e-3, iters=6, steps_per_eval=1,
        early_stopping_patience=2, min_delta=100.0,
    )  # fmt: skip
    ran = mlxr("train", prepared(mlxr, recipe))
    assert ran.code == 0, ran.err
    assert "Stopped early" in ran.out
    found = events(tmp_path / "adapters/r/0001", "validated")
    assert [event["iteration"] for event in found] == [0, 1, 2, 3]
    losses = [event["loss"] for event in found]
    assert losses == sorted(losses, reverse=True)
    assert [event["best"] for event in found] == [False, True, True, True]


def test_the_gradient_norm_is_reported_with_each_update(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = write_recipe(iters=4, grad_accumulation_steps=2, max_grad_norm=1e-9)
    assert mlxr("train", prepared(mlxr, recipe)).code == 0
    norms = [event["grad_norm"] for event in events(tmp_path / "adapters/r/0001", "trained")]
    assert [norm is None for norm in norms] == [True, False, True, False]
    assert all(norm > 1e-9 for norm in norms[1::2])


def test_weights_that_fit_no_trained_module_are_refused(tmp_path: Path) -> None:
    """mlx_lm would load what fits and say nothing of the rest."""
    import mlx.core as mx

    from mlxr.train.start import _check

    file = tmp_path / "adapters.safetensors"
    mx.save_safetensors(str(file), {"layers.1.a": mx.zeros(1), "layers.2.a": mx.zeros(1)})
    trained = {"layers.2.a": mx.zeros(1)}
    with pytest.raises(ValueError, match=r"1 weights .* as layers\.1\.a: num_layers"):
        _check(trained, str(file))
    _check(trained | {"layers.1.a": mx.zeros(1)}, str(file))
    with pytest.raises(ValueError, match="no module of the model matches"):
        _check({}, None)
