"""What the training child needs beyond mlx_lm's own configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Passed to the child as one JSON object."""

    config: str
    """mlx_lm's configuration file."""
    run: str
    """The run folder."""
    patience: int | None
    """Validations without improvement before stopping."""
    keep: int
    """Checkpoints to keep."""
    seed: int
    """Seeds the order of the batches."""
    resume: str | None = None
    """Checkpoint folder to go on from."""
