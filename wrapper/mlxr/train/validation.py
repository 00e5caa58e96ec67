"""The validation loss: over the same rows each time, exact, and without a trace on training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlxr.train.batches import Batches
from mlxr.train.rows import row_lengths

if TYPE_CHECKING:
    from mlxr.train.settings import Settings


class Asked(Exception):  # noqa: N818 - it is no error
    """Breaks off a validation when the child was asked to end."""


def validation_loss(
    model: Any, dataset: Any, args: Any, settings: Settings, check: Callable[[], None]
) -> float | None:
    """Return the mean loss in nats per target token over `args.val_batches` batches of `dataset`.

    `check` is called after each batch; None is returned when it raises Asked.
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
                iterate_batches=Batches(row_lengths(dataset), settings.seed),
                clear_cache_threshold=settings.clear_cache_threshold,
                progress_callback=check,
            )
        )
    except Asked:
        return None
    finally:
        model.train()
