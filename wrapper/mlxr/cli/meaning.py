"""What arguments mean: the terminal, the workspace, a recipe, a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlxr.errors import MlxrError

if TYPE_CHECKING:
    from mlxr.recipe import Loaded
    from mlxr.terminal.console import Terminal
    from mlxr.workspace import Adapter, Run, Workspace


def terminal(as_json: bool, quiet: bool) -> Terminal:
    """Return where results and talk go."""
    from mlxr.terminal.console import Terminal

    return Terminal(as_json=as_json, quiet=quiet)


def here() -> Workspace:
    """Return the folder in which mlxr was started."""
    from mlxr.workspace import Workspace

    return Workspace.here()


def load(recipe: Path | None, overrides: list[str] | None) -> Loaded:
    """Load a recipe, or the one that lies here; raises MlxrError with all its mistakes."""
    from mlxr.recipe import find, load

    return load(recipe or find(Path.cwd()), overrides or ())


def adapter(what: str | None, workspace: Workspace) -> Adapter:
    """Return what an argument means: a run, its checkpoint, or the newest of a recipe or of all."""
    from mlxr.workspace import Adapter

    if what is not None and not what.endswith(".toml"):
        return workspace.adapter(what)
    if what is None:
        return Adapter(newest(workspace, "*", "RECIPE"))
    return Adapter(newest(workspace, load(Path(what), None).recipe.name, what))


def newest(workspace: Workspace, name: str, recipe: object) -> Run:
    """Return the newest run of a recipe by name, or of all ("*"); raises MlxrError without any."""
    runs = workspace.runs(name)
    if not runs:
        of = "" if name == "*" else f" of {name}"
        raise MlxrError(f"There is no run{of} here yet.", f"mlxr train {recipe}")
    return runs[-1]
