"""The validation loss: over the same rows each time, exact, and without a trace on training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlxr.train.batches import Batches
from mlxr.train.loss import target_loss


class Asked(Exception):  # noqa: N818 - it is no error
    """Breaks off a validation when the child was asked to end."""


def validation_loss(
    model: Any,
    dataset: Any,
    args: Any,
    batches: Batches,
    cache: int,
    check: Callable[[], None],
) -> float | None:
    """Return the mean loss in nats per target token over `args.val_batches` batches of `dataset`.

    MLX may keep `cache` bytes between batches. `check` is called after each; None is returned
    when it raises Asked.
    """
    from mlx_lm.tuner.trainer import evaluate

    try:
        return float(
            evaluate(
                model=model,
                dataset=dataset,
                batch_size=args.batch_size,
                num_batches=args.val_batches,
                max_seq_length=args.max_seq_length,
                loss=target_loss,
                iterate_batches=batches,
                clear_cache_threshold=cache,
                progress_callback=check,
            )
        )
    except Asked:
        return None
    finally:
        model.train()
