"""`mlxr demo`: the three commands on an embedded model and data set, offline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mlxr.compare.comparison import Comparison
from mlxr.compare.stage import compare
from mlxr.events import Display
from mlxr.prep.audit.findings import Finding
from mlxr.prep.stage import prepare
from mlxr.recipe import load
from mlxr.train.stage import plan, train
from mlxr.workspace import Adapter, Workspace, shipped

RECIPE = "recipes/demo/calendar.toml"


def train_longer() -> str:
    """Return the command for a second, longer run of the demo's recipe."""
    return f"mlxr train {_recipe()} --set train.iters=800"


def _recipe() -> Path:
    """Return the demo's recipe, as seen from here where it lies below."""
    path = shipped() / RECIPE
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def demo(
    workspace: Workspace,
    display: Callable[[], Display],
    heading: Callable[[str], None],
    found: Callable[[Sequence[Finding]], None],
) -> Comparison:
    """Prepare, train and compare the shipped calendar recipe in `workspace`.

    It is what `mlxr prep`, `mlxr train` and `mlxr compare` do, one after the other.
    """
    path = _recipe()
    loaded = load(path)
    heading(f"1 of 3  mlxr prep {path}")
    with display() as shown:
        preparation = prepare(loaded.recipe, workspace, shown)
    found(preparation.findings)
    heading(f"2 of 3  mlxr train {path}")
    with display() as shown:
        training = train(plan(loaded, workspace), workspace, shown)
    if training.reason == "interrupted":
        raise KeyboardInterrupt
    heading(f"3 of 3  mlxr compare {training.run.name}")
    with display() as shown:
        return compare(Adapter(training.run), workspace, shown)
