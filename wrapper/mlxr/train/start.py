"""What is about to be trained, looked at once the model is in memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlxr import provenance
from mlxr.events import Note, Pipe, Started
from mlxr.train.loss import separable

if TYPE_CHECKING:
    from mlxr.train.settings import Settings
    from mlxr.train.world import World


def started(
    model: Any, args: Any, settings: Settings, rows: int, start: int, world: World
) -> Started:
    """Return the event of a training on `rows` rows that has `start` iterations behind it.

    Raises ValueError where mlx_lm would train nothing, or has left weights out silently.
    """
    from mlx.utils import tree_flatten
    from mlx_lm.utils import get_total_parameters

    trained = dict(tree_flatten(model.trainable_parameters()))
    _check(trained, settings.begin_from)
    return Started(
        start=start,
        iterations=args.iters,
        batches_per_epoch=math.ceil(rows / args.batch_size),
        updates=args.iters // args.grad_accumulation_steps,
        trainable=sum(value.size for value in trained.values()),
        parameters=get_total_parameters(model),
        report_every=args.steps_per_report,
        memory=memory_limit(),
        ranks=world.size,
    )


def memory_limit() -> float | None:
    """Return what MLX may use in GB: what Metal recommends, else on a CPU the machine's memory."""
    import mlx.core as mx

    recommended = mx.device_info().get("max_recommended_working_set_size")
    if recommended is None and mx.default_device() == mx.Device(mx.cpu):
        recommended = provenance.machine()["memory"]
    return recommended / 1e9 if recommended else None


def gathers(model: Any, dataset: Any, pipe: Pipe) -> bool:
    """Tell whether the loss is to compute the model's head on target positions alone.

    Worth it where prompts are masked, possible where the model is its head on its body.
    """
    import mlx.core as mx

    if not getattr(dataset._data, "mask_prompt", False):
        return False
    if separable(model, mx.array([dataset[0][0][:TRIED]])):
        return True
    pipe.send(
        Note("This model changes its logits: they are computed for the prompts too, as in mlx_lm.")
    )
    return False


TRIED = 32
"""Tokens of a row on which that is tried."""


def _check(trained: dict[str, Any], begin_from: str | None) -> None:
    import mlx.core as mx

    if not trained:
        raise ValueError("no module of the model matches train.lora_parameters.keys")
    given = mx.load(begin_from) if begin_from else {}
    left = sorted(given.keys() - trained.keys())
    if left:
        raise ValueError(
            f"{len(left)} weights of train.resume_adapter_file are not among those trained, as"
            f" {left[0]}: num_layers and lora_parameters.keys must be as they were"
        )
