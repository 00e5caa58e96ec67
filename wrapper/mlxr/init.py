"""`mlxr init`: a shipped recipe, its templates and sample rows in a folder, to begin one's own."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from mlxr.errors import MlxrError
from mlxr.example import Example, examples
from mlxr.workspace import shipped


@dataclass(frozen=True)
class Begun:
    """What `init` wrote."""

    folder: Path
    example: Example
    files: tuple[Path, ...]

    @property
    def recipe(self) -> Path:
        """The recipe to go on with."""
        return self.folder / "recipe.toml"


def init(folder: Path, like: str) -> Begun:
    """Write the shipped recipe `like` with its templates and sample rows into `folder`.

    Raises MlxrError when there is no such recipe, or one of the files is there already; then
    nothing was written.
    """
    example = _find(like)
    texts = {folder / name: text for name, text in _files(example, _name(folder, like)).items()}
    there = [str(path) for path in texts if os.path.lexists(path)]
    if there:
        raise MlxrError(
            f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} there already, and init"
            " overwrites nothing.",
            f"mlxr init {shlex.quote(str(folder / like))} --like {like}",
        )
    for path in texts:  # first, so that what stands in the way is found before a file is written
        path.parent.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    return Begun(folder, example, tuple(texts))


def _find(like: str) -> Example:
    known = {example.name: example for example in examples()}
    if like not in known:
        close = get_close_matches(like, known, n=1)
        hint = f"Did you mean --like {close[0]}?" if close else f"There are {', '.join(known)}."
        raise MlxrError(f"No recipe called {like!r} ships with mlxr.", hint)
    return known[like]


def _name(folder: Path, like: str) -> str:
    """Return the folder's name as a recipe may be called, else that of the example."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("._-") or like


def _files(example: Example, name: str) -> dict[str, str]:
    """Return the texts to write by their paths in the folder."""
    templates = {
        each: (shipped() / "recipes" / each).read_text(encoding="utf-8")
        for each in example.templates
    }
    return {"recipe.toml": example.renewed(name), **templates, "rows.jsonl": example.rows}
