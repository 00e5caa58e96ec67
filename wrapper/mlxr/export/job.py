"""One export: what was asked for, and what every form of it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.events import Display
from mlxr.export.proof import Proof
from mlxr.export.sizes import Sizes, sizes
from mlxr.files import reading
from mlxr.model import locate, with_chat_template
from mlxr.prep.tokens import Tokenizer, load_tokenizer
from mlxr.recipe import Recipe, revive
from mlxr.trained import check_base, check_weights
from mlxr.workspace import Adapter, Prepared


@dataclass(frozen=True)
class Wish:
    """What was asked for."""

    form: str
    dequantize: bool = True
    """Weights in floats, where the base is quantised; else quantised as the base is."""
    allow_lossy: bool = False
    prompts: int = 64
    """Test prompts of the proof, at most."""


@dataclass(frozen=True)
class Made:
    """What a form wrote, besides its files."""

    use: tuple[str, ...]
    """Lines that use it, FOLDER standing for its folder and BASE for the base model."""
    proof: Proof | None = None
    notes: tuple[str, ...] = ()
    """What to know about it, each a sentence."""
    language: str = "sh"
    """Of `use`."""

    def usage(self, folder: str, base: str) -> list[str]:
        """Return the lines that use it where it lies."""
        return [line.replace("FOLDER", folder).replace("BASE", base) for line in self.use]


@dataclass(frozen=True)
class Job:
    """An adapter on its way into another form."""

    adapter: Adapter
    wish: Wish
    prepared: Prepared
    folder: Path
    """Where files are made; it becomes the target when all is well."""
    display: Display

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """run.json."""
        return self.adapter.run.read_record()

    @cached_property
    def recipe(self) -> Recipe:
        """The run's."""
        return revive(self.record, self.adapter.run.record)

    @cached_property
    def base(self) -> Path:
        """The folder of the base model with its weights, and with the recipe's chat template.

        Raises MlxrError when it is gone.
        """
        check_base(self.adapter.run, self.recipe.model)
        if self.recipe.chat_template is None:
            return locate(self.recipe.model, weights=True)
        template = Path(self.recipe.chat_template)
        return with_chat_template(self.recipe.model, template, self.adapter.run.model)

    @cached_property
    def base_files(self) -> Path | None:
        """The folder of the base model's small files; None where they cannot be had."""
        try:
            return locate(self.recipe.model)
        except MlxrError:
            return None

    @cached_property
    def base_name(self) -> str:
        """The base model's name; of a local folder only its last part."""
        path = Path(self.recipe.model)
        return path.name if path.is_absolute() else self.recipe.model

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer that the run was trained with."""
        own = {"model": str(self.base), "chat_template": None}
        return load_tokenizer(self.recipe.model_copy(update=own))

    @cached_property
    def sizes(self) -> Sizes:
        """What the base takes on disk."""
        return sizes(self.base)

    @property
    def again(self) -> str:
        """The command that exports the same adapter."""
        return f"mlxr export {self.adapter.name}"

    def check(self) -> None:
        """Raise MlxrError where there are no weights to export, or not those of the run."""
        if self.record["status"] == "running":
            raise MlxrError(
                f"Run {self.adapter.name} is still training.", f"mlxr watch {self.adapter.run.name}"
            )
        with reading(self.adapter.run.record):
            recipe = Path(self.record["recipe_path"])
        check_weights(self.adapter, self.record, recipe)
