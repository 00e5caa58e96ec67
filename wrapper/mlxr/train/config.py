"""From a recipe to what `mlx_lm lora` is given: pure, so that a dry run shows it all."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.model import ModelConfig
from mlxr.recipe import LrSchedule, Recipe, Train

DEFAULT_EPOCHS = 3
VALIDATIONS = 10
"""Validations in a run whose recipe does not set `steps_per_eval`."""
DEFAULT_SCALE = 20.0
"""mlx-lm's own default (CONFIG_DEFAULTS in mlx_lm/lora.py)."""


@dataclass(frozen=True)
class Schedule:
    """How long a run is, in batches (iterations) and optimizer updates."""

    iterations: int
    batches_per_epoch: int
    updates: int
    steps_per_eval: int
    save_every: int


def schedule(train: Train, rows: int) -> Schedule:
    """Return the length of a run over `rows` training rows.

    mlxr keeps the incomplete last batch of an epoch, so an epoch has ⌈rows / batch_size⌉
    batches. Raises MlxrError when the run would end before its first optimizer update.
    """
    per_epoch = math.ceil(rows / train.batch_size)
    iterations = train.iters or math.ceil((train.epochs or DEFAULT_EPOCHS) * per_epoch)
    updates = iterations // train.grad_accumulation_steps
    if not updates:
        raise MlxrError(
            f"{iterations} iterations are fewer than train.grad_accumulation_steps ="
            f" {train.grad_accumulation_steps}: no optimizer update would happen.",
            "Raise train.iters (or epochs), or lower train.grad_accumulation_steps.",
        )
    evaluate = train.steps_per_eval or max(1, math.ceil(iterations / VALIDATIONS))
    return Schedule(iterations, per_epoch, updates, evaluate, train.save_every or evaluate)


def mlx_lm_config(
    recipe: Recipe, model: ModelConfig, data: Path, adapter: Path, length: Schedule
) -> dict[str, Any]:
    """Return the complete configuration file of `mlx_lm lora -c` for a run.

    Every key of mlx-lm is written, so that none of its defaults decides anything.
    """
    train = recipe.train
    return {
        "model": recipe.model,
        "train": True,
        "test": False,
        "data": str(data),
        "adapter_path": str(adapter),
        "seed": recipe.training_seed,
        "fine_tune_type": train.fine_tune_type,
        "num_layers": _num_layers(train, model),
        "lora_parameters": lora_parameters(train),
        "optimizer": train.optimizer,
        # mlx-lm reads a table per optimizer and ignores a flat one.
        "optimizer_config": {train.optimizer: dict(train.optimizer_config)},
        "learning_rate": train.learning_rate,
        "lr_schedule": lr_schedule(train, length.updates),
        "batch_size": train.batch_size,
        "grad_accumulation_steps": train.grad_accumulation_steps,
        "iters": length.iterations,
        "val_batches": train.val_batches,
        "steps_per_report": train.steps_per_report,
        "steps_per_eval": length.steps_per_eval,
        "save_every": length.save_every,
        "max_seq_length": train.max_seq_length,
        "mask_prompt": train.mask_prompt,
        "grad_checkpoint": train.grad_checkpoint,
        "resume_adapter_file": train.resume_adapter_file,
        "report_to": train.report_to,
        "project_name": train.project_name,
        "trust_remote_code": recipe.trust_remote_code,
        "clear_cache_threshold": train.clear_cache_threshold,
        "test_batches": -1,
    }


def lora_parameters(train: Train) -> dict[str, Any]:
    """Return mlx-lm's table, whole: it replaces its default instead of merging into it."""
    given = train.lora_parameters
    scale = given.alpha / given.rank if given.alpha else given.scale or DEFAULT_SCALE
    table: dict[str, Any] = {"rank": given.rank, "scale": scale, "dropout": given.dropout}
    if given.keys is not None:
        table["keys"] = list(given.keys)
    return table


def lr_schedule(train: Train, updates: int) -> dict[str, Any] | None:
    """Return mlx-lm's schedule for a run of `updates` optimizer updates, or None if constant.

    mlx-lm counts a schedule in updates, not iterations, and its warm-up lasts one update
    longer than it is told (the boundary in tuner/utils.py:build_schedule).
    """
    given = train.lr_schedule
    warmup = warmup_updates(given, updates)
    peak, rest = train.learning_rate, max(1, updates - warmup)
    if given.name == "constant" and not warmup:
        return None
    name, arguments = {
        "constant": ("linear_schedule", [peak, peak, rest]),
        "linear": ("linear_schedule", [peak, given.end, rest]),
        "cosine": ("cosine_decay", [peak, rest, given.end]),
    }[given.name]
    return {
        "name": name,
        "arguments": arguments,
        "warmup": warmup,
        "warmup_init": given.warmup_init,
    }


def warmup_updates(given: LrSchedule, updates: int) -> int:
    """Return the warm-up in optimizer updates: a share of the run, or as it stands."""
    return round(given.warmup * updates) if isinstance(given.warmup, float) else given.warmup


def arguments(config: Path, *, trust_remote_code: bool) -> list[str]:
    """Return mlx_lm's command line; it ignores trust_remote_code in its configuration."""
    return ["-c", str(config), *(["--trust-remote-code"] if trust_remote_code else [])]


def command(config: Path, *, trust_remote_code: bool = False) -> str:
    """Return the plain mlx-lm command that trains the same rows, as a person would type it."""
    words = arguments(config, trust_remote_code=trust_remote_code)
    return f"python -m mlx_lm lora {shlex.join(words)}"


def _num_layers(train: Train, model: ModelConfig) -> int:
    """Return the number of blocks to train; mlx-lm's default of 16 yields to smaller models."""
    if model.layers is None or "num_layers" in train.model_fields_set:
        return train.num_layers
    return min(train.num_layers, model.layers)
