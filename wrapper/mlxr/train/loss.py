"""The loss: mlx_lm's own in value, with less work, and what a recipe asks for besides.

Every loss here takes (model, tokens, ranges) and, where `Batches` gives them, the positions of
the targets. Of those the model's head is then computed alone: in an answer after a long prompt
they are few, and logits over a whole vocabulary are much of the work and most of the memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def target_loss(model: Any, tokens: Any, ranges: Any, *positions: Any) -> tuple[Any, Any]:
    """Return the mean NLL in nats per target token, and their number; of none the mean is 0.

    The value of mlx_lm's `default_loss` (tuner/trainer.py).
    """
    import mlx.core as mx

    nll, _, mask = _target_nll(model, tokens, ranges, *positions)
    count = mask.sum()
    return (nll * mask).sum() / mx.maximum(count, 1), count


def answer_start_loss(weight: float, window: int) -> Callable[..., tuple[Any, Any]]:
    """Return a loss for mlx_lm's `loss=` in which the first answer tokens weigh more.

    The token `k` places after the answer's first weighs 1 + (weight - 1)·(1 - k / window) up
    to the window's end, then 1; divided by their sum, the weights of a batch have mean 1.

    The loss has the gradient of that weighted mean, and the value of the plain one: mean NLL
    per target token, so that training and validation remain comparable.
    """

    def loss(model: Any, tokens: Any, ranges: Any, *positions: Any) -> tuple[Any, Any]:
        import mlx.core as mx

        nll, after, mask = _target_nll(model, tokens, ranges, *positions)
        left = mx.maximum(0.0, 1 - after / window)
        weights = (1 + (weight - 1) * left) * mask
        count = mask.sum()
        weighted = (nll * weights).sum() / mx.maximum(weights.sum(), 1)
        plain = (nll * mask).sum() / mx.maximum(count, 1)
        return mx.stop_gradient(plain) + (weighted - mx.stop_gradient(weighted)), count

    return loss


def weighted_loss(loss: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
    """Return `loss` for batches that come with two weights: of its gradient and of its value.

    See `Batches`, whose last array it takes.
    """

    def weighted(model: Any, *batch: Any) -> tuple[Any, Any]:
        import mlx.core as mx

        *arrays, weights = batch
        value, count = loss(model, *arrays)
        still = mx.stop_gradient(value)
        return weights[1] * still + weights[0] * (value - still), count

    return weighted


def separable(model: Any, tokens: Any) -> bool:
    """Tell whether the model's logits are those of its head on its body, bit for bit.

    Tried on `tokens`, (rows, width), as there are models that do more: scale their logits, or
    bend them.
    """
    import mlx.core as mx

    model.eval()  # no dropout, which would also disturb the random state
    try:
        body, head = _parts(model)
        return bool(mx.array_equal(model(tokens), head(body(tokens))).item())
    except Exception:  # a model built in another way, whatever its parts then say
        return False
    finally:
        model.train()


def _target_nll(
    model: Any, tokens: Any, ranges: Any, positions: Any = None
) -> tuple[Any, Any, Any]:
    """Return for each position its NLL in nats, its places after the first target, if it is one.

    The arrays have (rows, width - 1) elements or, given `positions`, one for each of these.
    """
    import mlx.core as mx
    import mlx.nn as nn

    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    place = mx.arange(1, tokens.shape[1])
    after = place - ranges[:, :1]
    mask = mx.logical_and(after >= 0, place <= ranges[:, 1:])
    if positions is None:
        logits = model(inputs)
    else:
        body, head = _parts(model)
        logits = head(body(inputs).flatten(0, 1)[positions])
        targets, after = targets.flatten()[positions], after.flatten()[positions]
        mask = mx.arange(positions.size) < mask.sum()  # what follows fills up
    return nn.losses.cross_entropy(logits, targets).astype(mx.float32), after, mask


def _parts(model: Any) -> tuple[Any, Any]:
    """Return the body (tokens → hidden states) and the head (hidden states → logits) of a model.

    As nearly all of mlx_lm's models are built; `separable` tells whether this one is.
    """
    text = getattr(model, "language_model", model)
    head = getattr(text, "lm_head", None)
    return text.model, text.model.embed_tokens.as_linear if head is None else head
