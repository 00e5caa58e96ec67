"""The best setting as a recipe of its own."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

from mlxr.files import write_text
from mlxr.recipe import Loaded
from mlxr.recipe.overlay import overlay


def write_best(loaded: Loaded, said: str, here: Path) -> Path:
    """Write `<recipe>-best.toml` beside the recipe of a trial and return it.

    It extends that recipe with all that was set beside its files, but for the training's seed.
    Where a file of the name stands, and is another, it gets a number; where nobody may write
    beside the recipe, it is written `here`.
    """
    folder = loaded.path.parent if os.access(loaded.path.parent, os.W_OK) else here
    parent = loaded.path.name if folder == loaded.path.parent else str(loaded.path.resolve())
    text = overlay(parent, loaded.recipe.name, _changed(loaded), said)
    for number in itertools.count(1):
        suffix = f"-{number}" if number > 1 else ""
        path = folder / f"{loaded.path.stem}-best{suffix}.toml"
        if not path.exists():
            write_text(path, text)
            return path
        if path.read_text(encoding="utf-8") == text:
            return path
    raise AssertionError("itertools.count ends")


def _changed(loaded: Loaded) -> dict[str, Any]:
    """Return the keys that no file sets, with their values."""
    recipe = loaded.recipe.model_dump(mode="json")
    keys = [
        key
        for key, origin in loaded.origins.items()
        if origin == "--set" or origin.startswith("MLXR_")
    ]
    return {key: _at(recipe, key) for key in keys if key not in {"train.seed", "name"}}


def _at(values: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        values = values[key]
    return values
