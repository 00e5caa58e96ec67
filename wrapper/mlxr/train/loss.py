"""The loss where a recipe asks for another than mlx_lm's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def answer_start_loss(weight: float, window: int) -> Callable[..., tuple[Any, Any]]:
    """Return a loss for mlx_lm's `loss=` in which the first answer tokens weigh more.

    The token `k` places after the answer's first weighs 1 + (weight - 1)·(1 - k / window) up
    to the window's end, then 1; divided by their sum, the weights of a batch have mean 1.

    The loss has the gradient of that weighted mean, and the value of the plain one: mean NLL
    per target token, so that training and validation remain comparable.
    """

    def loss(model: Any, tokens: Any, ranges: Any) -> tuple[Any, Any]:
        import mlx.core as mx
        import mlx.nn as nn

        targets = tokens[:, 1:]
        nll = nn.losses.cross_entropy(model(tokens[:, :-1]), targets).astype(mx.float32)
        place = mx.arange(1, targets.shape[1] + 1)
        mask = mx.logical_and(place >= ranges[:, :1], place <= ranges[:, 1:])
        left = mx.maximum(0.0, 1 - (place - ranges[:, :1]) / window)
        weights = (1 + (weight - 1) * left) * mask
        weighted = (nll * weights).sum() / weights.sum()
        count = mask.sum()
        plain = (nll * mask).sum() / count
        return mx.stop_gradient(plain) + (weighted - mx.stop_gradient(weighted)), count

    return loss


def weighted_loss(loss: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
    """Return `loss` for batches that come with a weight: its gradient times that, its value as is.

    See `Batches`, whose third array it takes.
    """

    def weighted(model: Any, tokens: Any, ranges: Any, weight: Any) -> tuple[Any, Any]:
        import mlx.core as mx

        value, count = loss(model, tokens, ranges)
        still = mx.stop_gradient(value)
        return still + weight * (value - still), count

    return weighted
