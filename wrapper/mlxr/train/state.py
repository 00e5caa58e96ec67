"""All that decides how a training goes on, kept beside the weights of a checkpoint.

    optimizer.safetensors   the optimizer's moments, step and learning rate
    state.json              iteration, random state, best loss; written last

A training continued from it is the one that never stopped, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlxr.files import read_json, reading, write_json

OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"


@dataclass
class Progress:
    """How far a training is."""

    iteration: int = 0
    tokens: int = 0
    """Target tokens trained on."""
    best: float | None = None
    """Lowest validation loss of trained weights."""
    reference: float | None = None
    """The validation loss that the next must be lower than, by `min_delta`, to improve."""
    waiting: int = 0
    """Validations since the last improvement."""
    pending: bool = False
    """A validation that was due here was broken off; going on begins with it."""

    def count(self, loss: float, min_delta: float) -> None:
        """Count a validation towards patience, or begin to count anew.

        Small steps add up: the loss is held against the last improvement, not the last best.
        A loss that is no number improves nothing.
        """
        first = self.reference is None and math.isfinite(loss)
        if first or (self.reference is not None and loss < self.reference - min_delta):
            self.reference, self.waiting = loss, 0
        else:
            self.waiting += 1


def write_state(folder: Path, optimizer: Any, progress: Progress) -> None:
    """Write the optimizer, the random state and `progress` into a checkpoint's folder."""
    import mlx.core as mx
    from mlx.utils import tree_flatten

    arrays = {key: value for key, value in tree_flatten(optimizer.state) if _is_array(value)}
    temporary = folder / f".{OPTIMIZER}.safetensors"
    mx.save_safetensors(str(temporary), arrays)
    temporary.replace(folder / OPTIMIZER)
    high, low = (int(part) for part in mx.random.state[0].tolist())
    write_json(folder / STATE, {**asdict(progress), "random": [high, low]})


def read_progress(folder: Path) -> tuple[Progress, int]:
    """Return how far a checkpoint was, and the seed of its random state.

    MLX's global generator is set through its seed, of which the state is the two halves.
    """
    state = read_json(folder / STATE)
    with reading(folder / STATE):
        high, low = state.pop("random")
        return Progress(**state), (high << 32) | low


def read_state(folder: Path, model: Any, optimizer: Any) -> Progress:
    """Restore weights, optimizer and random state from a checkpoint; return how far it was."""
    import mlx.core as mx
    from mlx.utils import tree_unflatten

    progress, seed = read_progress(folder)
    model.load_weights(str(folder / "adapters.safetensors"), strict=False)
    optimizer.state = tree_unflatten(list(mx.load(str(folder / OPTIMIZER)).items()))
    mx.random.seed(seed)
    mx.eval(model.parameters(), optimizer.state)
    return progress


def resumable(checkpoints: Path) -> list[Path]:
    """Return the checkpoints from which a training can go on, oldest first."""
    return sorted(path.parent for path in checkpoints.glob(f"*/{STATE}"))


def _is_array(value: object) -> bool:
    import mlx.core as mx

    return isinstance(value, mx.array)
