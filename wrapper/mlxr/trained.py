"""A trained run, ready to be used: its adapter, its recipe as it was, what mlx_lm loads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import file_sha256, read_json, reading
from mlxr.model import CHAT_TEMPLATE, is_whole
from mlxr.recipe import Recipe, revive
from mlxr.workspace import Adapter, Run


@dataclass(frozen=True)
class Trained:
    """An adapter, and what its run was trained with."""

    adapter: Adapter
    recipe: Recipe
    """As the run has it; its chat template is the run's own copy."""
    data: Mapping[str, str]
    """SHA-256 of each split's file."""

    @property
    def name(self) -> str:
        """What names it in a command."""
        return self.adapter.name

    @property
    def model(self) -> str:
        """The base as mlx_lm loads it: with the recipe's chat template, where it has one."""
        return str(self.adapter.run.model) if self.recipe.chat_template else self.recipe.model


def read_trained(adapter: Adapter) -> Trained:
    """Return what an adapter was trained with; raises MlxrError where it, or its base, is gone."""
    record = adapter.run.read_record()
    recipe = revive(record, adapter.run.record)
    check_weights(adapter, record, Path(record["recipe_path"]))
    check_base(adapter.run, recipe.model)
    if recipe.chat_template:
        kept = str(adapter.run.model / CHAT_TEMPLATE)
        recipe = recipe.model_copy(update={"chat_template": kept})
    return Trained(adapter, recipe, record["data"]["files"])


def check_weights(adapter: Adapter, record: Mapping[str, Any], recipe: Path) -> None:
    """Raise MlxrError when a run has no adapter that mlx_lm could load, or not the run's own.

    It ended before the first weights, or they were damaged or changed since.
    """
    if not adapter.weights.is_file():
        raise MlxrError(
            f"Run {adapter.run.name} has no adapter: it ended before the first weights were saved"
            f" ({record['status']}).",
            f"mlxr train {recipe}",
        )
    adapter_config(adapter)
    due = None if adapter.checkpoint else (record.get("result") or {}).get("adapter_sha256")
    if is_whole(adapter.weights) and due in {None, file_sha256(adapter.weights)}:
        return
    others = [name for name in adapter.run.kept if name != adapter.checkpoint]
    again = f"Or its checkpoint: {adapter.run.name}@{others[0]}" if others else ""
    raise MlxrError(
        f"{adapter.weights} is not as `mlxr train` wrote it: it was cut short, or changed since.",
        f"Put it back, or train again: mlxr train {recipe}. {again}".rstrip(),
    )


def adapter_config(adapter: Adapter) -> dict[str, Any]:
    """Return adapter_config.json; raises MlxrError where mlx_lm cannot load by it."""
    path = adapter.folder / "adapter_config.json"
    config: dict[str, Any] = read_json(path)
    with reading(path):
        if config.get("fine_tune_type") != "full":
            int(config["num_layers"])
            dict(config["lora_parameters"])
    return config


def check_base(run: Run, model: str) -> None:
    """Raise MlxrError when a run's base model is a local folder that is gone."""
    base = Path(model)
    if base.is_absolute() and not base.is_dir():
        raise MlxrError(
            f"The base model of run {run.name} is gone: there is no folder {base}.",
            "An adapter is nothing without its base: put the model back there.",
        )
