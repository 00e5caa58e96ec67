"""mlxr from Python: the three commands as functions, without a word on the terminal.

    import mlxr

    recipe = mlxr.load("calendar.toml", {"train.iters": 50})
    mlxr.prepare(recipe)
    training = mlxr.train(recipe)
    print(mlxr.compare(training.run).verdict.text)

Everything is imported when it is called, so that `import mlxr` costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlxr.compare.comparison import Comparison
    from mlxr.events import Display
    from mlxr.prep.stage import Preparation
    from mlxr.recipe import Loaded
    from mlxr.train.result import Training
    from mlxr.workspace import Run, Workspace


def load(path: str | Path, keys: Mapping[str, object] | None = None) -> Loaded:
    """Return the checked recipe of a TOML file, with dotted `keys` set as by --set.

    Raises MlxrError with all its mistakes.
    """
    from mlxr.recipe import load as read
    from mlxr.recipe.overlay import toml

    return read(Path(path), [f"{key}={toml(value)}" for key, value in (keys or {}).items()])


def prepare(
    recipe: Loaded, folder: str | Path = ".", display: Display | None = None
) -> Preparation:
    """Prepare a recipe's data in data/ below `folder`, as `mlxr prep`, and return what was found.

    Raises MlxrError where the audit finds an error.
    """
    from mlxr.prep.stage import prepare as stage

    return stage(recipe.recipe, _workspace(folder), display or _silent())


def train(recipe: Loaded, folder: str | Path = ".", display: Display | None = None) -> Training:
    """Train on prepared data into adapters/ below `folder`, as `mlxr train`.

    Returns how the run ended; `.run.folder` is a plain mlx-lm adapter. Raises MlxrError when
    the data are not prepared or training failed. Ctrl-C saves: then `.reason` is "interrupted".
    """
    from mlxr.train.stage import plan
    from mlxr.train.stage import train as stage

    workspace = _workspace(folder)
    return stage(plan(recipe, workspace), workspace, display or _silent())


def compare(run: Run | str, folder: str | Path = ".", display: Display | None = None) -> Comparison:
    """Judge base against tuned on the test split, as `mlxr compare`, and write the reports.

    `run` is a training's `.run`, or a name below `folder`: "calendar/0002", "calendar/0002@best".
    Raises MlxrError when the run is unfinished or its data have changed.
    """
    from mlxr.compare.stage import compare as stage
    from mlxr.workspace import Adapter

    workspace = _workspace(folder)
    adapter = workspace.adapter(run) if isinstance(run, str) else Adapter(run)
    return stage(adapter, workspace, display or _silent())


def _workspace(folder: str | Path) -> Workspace:
    from mlxr.workspace import Workspace

    return Workspace(Path(folder).resolve())


def _silent() -> Display:
    from mlxr.events import Silent

    return Silent()
