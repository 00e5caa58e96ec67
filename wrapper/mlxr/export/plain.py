"""The adapter itself: the plain mlx-lm folder, without what is only about this machine."""

from __future__ import annotations

import shutil

from mlxr.export.job import Job, Made
from mlxr.files import write_json
from mlxr.model import CHAT_TEMPLATE
from mlxr.trained import adapter_config

_LOCAL = {"adapter_path", "config", "data", "resume_adapter_file", "report_to", "project_name"}
"""Keys of adapter_config.json that name places here; mlx_lm does not read them to load."""

USE = "python -m mlx_lm generate --model BASE --adapter-path FOLDER --prompt 'YOUR PROMPT'"


def check(job: Job) -> None:
    """Nothing to check: the weights are there."""


def write(job: Job) -> Made:
    """Copy weights and configuration; the recipe's own chat template goes with them."""
    shutil.copyfile(job.adapter.weights, job.folder / "adapters.safetensors")
    config = adapter_config(job.adapter)
    shown = {key: value for key, value in config.items() if key not in _LOCAL}
    write_json(job.folder / "adapter_config.json", shown | {"model": job.base_name})
    if not job.recipe.chat_template:
        return Made(use=(USE,))
    shutil.copyfile(job.adapter.run.model / CHAT_TEMPLATE, job.folder / CHAT_TEMPLATE)
    said = (
        f"It was trained with a chat template of its own, {CHAT_TEMPLATE}: mlx_lm takes it from the"
        " base model's folder, so put it there."
    )
    return Made(use=(USE,), notes=(said,))
