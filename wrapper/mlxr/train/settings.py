"""What the training child needs beyond mlx_lm's own configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Passed to the child as one JSON object."""

    arguments: list[str]
    """mlx_lm's command line."""
    run: str
    """The run folder."""
    events: str
    """File to which events are appended."""
    patience: int | None
    """Validations without improvement before stopping."""
    keep: int
    """Checkpoints to keep."""
    seed: int
    """Seeds the order of the batches."""
    min_delta: float
    """Nats by which a validation loss must be lower to count as an improvement."""
    max_grad_norm: float | None
    """Global norm to which gradients are scaled down."""
    answer_start_weight: float
    """Loss weight of an answer's first token; 1 is mlx_lm's own loss."""
    answer_start_window: int
    """Tokens over which that weight falls to 1."""
    clear_cache_threshold: int
    """Bytes of MLX's cache above which it is emptied after an iteration."""
    begin_from: str | None = None
    """Weights from which mlx_lm was told to begin."""
    resume: str | None = None
    """Checkpoint folder to go on from."""
    pause: int | None = None
    """Iterations after which to save and end, as if asked to; the schedule stays the whole's."""
    remote: bool = False
    """Whether mlx.launch started the child; then mlxr reads the events in their file."""
