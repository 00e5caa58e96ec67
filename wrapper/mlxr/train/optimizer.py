"""The optimizer that mlx_lm built, with the gradient of each update measured and limited."""

from __future__ import annotations

from typing import Any

NORM = "grad_norm"
"""Its place in the optimizer's state: what a compiled step leaves must be there."""


class Watched:
    """Stands in for mlx_lm's optimizer, of which its loop uses what is defined here."""

    def __init__(self, optimizer: Any, limit: float | None) -> None:
        """Watch `optimizer`; gradients of a greater global norm than `limit` are scaled to it."""
        self._optimizer = optimizer
        self._limit = limit

    def update(self, model: Any, gradients: Any) -> None:
        """Update `model`, after clipping by global norm (Pascanu et al. 2013, algorithm 1).

        The squares are summed in float32, as those of 16 bits run out of range and digits.
        """
        import mlx.core as mx
        from mlx.utils import tree_map, tree_reduce

        def add(total: Any, g: Any) -> Any:
            return total + g.astype(mx.float32).square().sum()

        norm = mx.sqrt(tree_reduce(add, gradients, mx.array(0.0)))
        if self._limit is not None:
            scale = mx.minimum(self._limit / mx.maximum(norm, self._limit), 1.0)
            gradients = tree_map(lambda g: (g * scale).astype(g.dtype), gradients)
        self._optimizer.state[NORM] = norm
        self._optimizer.update(model, gradients)

    @property
    def norm(self) -> float:
        """Global norm of the last update's gradients, before any scaling."""
        return float(self._optimizer.state[NORM].item())

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the last update."""
        return self._optimizer.learning_rate

    @property
    def state(self) -> Any:
        """The optimizer's state; setting it makes the optimizer go on from there."""
        return self._optimizer.state

    @state.setter
    def state(self, state: Any) -> None:
        self._optimizer.state = state
