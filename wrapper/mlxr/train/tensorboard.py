"""TensorBoard as one more service of mlx_lm's `report_to`: tensorboard --logdir adapters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class TensorBoard:
    """Writes each report's figures to tensorboard/ in the run's folder.

    Made and called as the classes in mlx_lm.tuner.callbacks.SUPPORT_CALLBACK are.
    """

    def __init__(
        self,
        project_name: str | None,  # noqa: ARG002 - mlx_lm's signature
        log_dir: str,
        config: Mapping[str, Any],  # noqa: ARG002
        wrapped_callback: Any = None,
    ) -> None:
        from tensorboardX import SummaryWriter

        self._writer = SummaryWriter(str(Path(log_dir) / "tensorboard"))
        self._wrapped = wrapped_callback

    def on_train_loss_report(self, info: Mapping[str, Any]) -> None:
        """Write the figures of training."""
        self._write(info)
        if self._wrapped:
            self._wrapped.on_train_loss_report(info)

    def on_val_loss_report(self, info: Mapping[str, Any]) -> None:
        """Write the figures of a validation."""
        self._write(info)
        if self._wrapped:
            self._wrapped.on_val_loss_report(info)

    def _write(self, info: Mapping[str, Any]) -> None:
        for name, value in info.items():
            if name != "iteration" and value is not None:
                self._writer.add_scalar(name, value, info["iteration"])
        self._writer.flush()
