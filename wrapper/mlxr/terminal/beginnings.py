"""What `mlxr init` says at its end."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlxr.terminal.console import Terminal
from mlxr.terminal.reports import short

if TYPE_CHECKING:
    from mlxr.example import Example
    from mlxr.init import Begun


def show_examples(terminal: Terminal, examples: Sequence[Example]) -> None:
    """List the shipped recipes: name, what each is for, and its model."""
    for example in examples:
        terminal.styled([(f"{example.name:18}", "bold"), (example.about, "")])
        terminal.styled([(f"{'':18}{example.model}", "dim")])
    terminal.next_steps([("mlxr init my-folder --like NAME", "copy one into a folder")])
    terminal.document(
        {
            "recipes": [
                {"name": example.name, "about": example.about, "model": example.model}
                for example in examples
            ]
        }
    )


def _what(path: Path) -> str:
    if path.suffix == ".jsonl":
        return "sample rows: put your own in their place"
    return "the recipe" if path.suffix == ".toml" else "how a row becomes a prompt and an answer"


def show_begun(terminal: Terminal, begun: Begun) -> None:
    """Say what was written and what to type next."""
    names = [short(path) for path in begun.files]
    for name, path in zip(names, begun.files, strict=True):
        terminal.result(f"{name:{max(map(len, names))}}  {_what(path)}")
    recipe = shlex.quote(short(begun.recipe))
    terminal.next_steps(
        [
            (f"mlxr preview {recipe}", f"see rows as {begun.example.model} will see them"),
            (f"mlxr prep {recipe}", "prepare them"),
            (f"mlxr train {recipe}", "and train"),
        ]
    )
    terminal.document(
        {
            "folder": str(begun.folder),
            "like": begun.example.name,
            "recipe": str(begun.recipe),
            "model": begun.example.model,
            "files": [str(path) for path in begun.files],
        }
    )
