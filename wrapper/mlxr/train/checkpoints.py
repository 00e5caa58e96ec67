"""The weights a training keeps: the best, the last few, and the last that were finite.

Each is a plain mlx-lm adapter folder (`adapters.safetensors`, `adapter_config.json`), so that
`mlx_lm generate --adapter-path` takes any of them. The run's own folder holds the result: the
weights of the lowest validation loss, or without validation the last.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mlxr.files import replace_file
from mlxr.train.state import Progress, write_state

WEIGHTS = "adapters.safetensors"
CONFIG = "adapter_config.json"


class Checkpoints:
    """Writes the trainable weights of `model` below the run folder, each file atomically."""

    def __init__(
        self, model: Any, optimizer: Any, run: Path, keep: int, *, writes: bool = True
    ) -> None:
        """Keep the weights of `model`; of several ranks one `writes`, as all have the same."""
        self._writes = writes
        self._model = model
        self._optimizer = optimizer
        self._run = run
        self._keep = keep
        self._finite: dict[str, Any] = self._weights()
        self._folder = run / "checkpoints"
        self._folder.mkdir(exist_ok=True)

    @property
    def last_weights(self) -> Path:
        """The file to which mlx_lm itself writes its last weights; `finish` removes it."""
        return self._folder / WEIGHTS

    def remember_if_finite(self) -> bool:
        """Keep the present weights in memory if all are finite; tell whether they are.

        The arrays of MLX do not change, so this holds references and copies nothing.
        """
        import mlx.core as mx

        weights = self._weights()
        if not bool(mx.stack([mx.isfinite(v).all() for v in weights.values()]).all().item()):
            return False
        self._finite = weights
        return True

    def keep_best(self) -> None:
        """Write the present weights to best/."""
        if self._writes:
            self._write(self._run / "best", self._weights())

    def save(self, progress: Progress) -> Path:
        """Write weights and state to checkpoints/<iteration>/ and return that folder.

        Older ones beyond the number to keep are removed.
        """
        folder = self._folder / f"{progress.iteration:07d}"
        if not self._writes:
            return folder
        try:
            self._write(folder, self._weights())
            write_state(folder, self._optimizer, progress)
        except BaseException:
            shutil.rmtree(folder)  # half a checkpoint, as of a full disk, helps nobody
            raise
        kept = sorted(path for path in self._folder.iterdir() if path.is_dir())
        for old in kept[: -self._keep]:
            shutil.rmtree(old)
        return folder

    def finish(self) -> None:
        """Write the run's result: the best weights, else the last finite ones."""
        if not self._writes:
            return
        self.last_weights.unlink(missing_ok=True)
        best = self._run / "best"
        if best.is_dir():
            replace_file(best / WEIGHTS, self._run / WEIGHTS)
        else:
            self._write(self._run, self._finite)

    def _weights(self) -> dict[str, Any]:
        from mlx.utils import tree_flatten

        return dict(tree_flatten(self._model.trainable_parameters()))

    def _write(self, folder: Path, weights: dict[str, Any]) -> None:
        import mlx.core as mx

        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{WEIGHTS}.safetensors"  # MLX insists on the ending
        try:
            mx.save_safetensors(str(temporary), weights)
            temporary.replace(folder / WEIGHTS)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if folder != self._run:
            replace_file(self._run / CONFIG, folder / CONFIG)
