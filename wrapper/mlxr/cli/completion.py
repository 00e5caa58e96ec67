"""What the shell offers on Tab: the recipes and runs that are here. Cheap, and never an error."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mlxr.errors import MlxrError

_FOLDERS = ("recipes", "recipes/demo")


def recipes(incomplete: str) -> list[str]:
    """Return the recipes beside what is typed, and those in recipes/."""
    typed = os.path.dirname(incomplete)  # noqa: PTH120 - as it was typed, ./ and all
    found = [name for folder in (typed, *_FOLDERS) for name in _recipes(folder)]
    return [name for name in dict.fromkeys(found) if name.startswith(incomplete)]


def _recipes(folder: str) -> list[str]:
    with suppress(OSError, RuntimeError):  # of ~nobody
        paths = sorted(Path(folder).expanduser().glob("*.toml"))
        return [os.path.join(folder, path.name) for path in paths if _is_recipe(path)]  # noqa: PTH118
    return []


def _is_recipe(path: Path) -> bool:
    import tomllib

    with suppress(OSError, ValueError):
        return bool({"model", "extends"} & tomllib.loads(path.read_text("utf-8")).keys())
    return False


def runs(incomplete: str) -> list[str]:
    """Return the runs here, the newest first, and after an @ the checkpoints of one.

    Bash never asks for the latter: it takes @ for the end of a word.
    """
    from mlxr.workspace import Workspace

    found: list[str] = []
    with suppress(OSError, MlxrError):
        workspace = Workspace.here()
        name, at, _ = incomplete.partition("@")
        if at:
            found = [f"{name}@{each}" for each in workspace.run(name).kept]
        else:
            found = [run.name for run in reversed(workspace.runs())]
    return [name for name in found if name.startswith(incomplete)]


def runs_and_recipes(incomplete: str) -> list[str]:
    """Return what a command takes that wants a run, or a recipe for its newest one."""
    return runs(incomplete) + recipes(incomplete)


def likes(incomplete: str) -> list[str]:
    """Return the shipped recipes that `mlxr init` can copy."""
    from mlxr.workspace import shipped

    names = sorted(path.stem for path in (shipped() / "recipes").glob("*.toml"))
    return [name for name in names if name.startswith(incomplete)]
