"""Removing runs: nothing but run folders in adapters/, whole, and none that is being trained."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import held, hold, read_json
from mlxr.runs.summary import size
from mlxr.workspace import Run, Workspace


@dataclass(frozen=True)
class Doomed:
    """A run that may be removed."""

    run: Run
    size: int
    """Bytes."""
    files: int
    used_by: tuple[str, ...]
    """What refers to it, each as a sentence names it."""


def removable(names: Sequence[str], workspace: Workspace) -> list[Doomed]:
    """Return the runs that `names` mean, with what goes with them.

    Raises MlxrError, before anything is removed, on whatever is no run folder of this
    workspace, and on a run that is in use.
    """
    runs = list(dict.fromkeys(_run(name, workspace) for name in names))
    return [
        Doomed(run, size(run.folder), _files(run.folder), tuple(_users(run, runs, workspace)))
        for run in runs
    ]


def remove(run: Run) -> None:
    """Remove a run's folder; raises MlxrError when somebody began to train it meanwhile.

    It first gets another name, so that no half of a run is ever seen.
    """
    with run.log.open("ab") as stream:
        if not hold(stream):
            raise _in_use(run)
        gone = Path(tempfile.mkdtemp(prefix=".removed-", dir=run.folder.parent))
        run.folder.rename(gone / run.folder.name)
    shutil.rmtree(gone)


def _run(name: str, workspace: Workspace) -> Run:
    if "@" in name:
        raise MlxrError(
            f"{name} is a checkpoint: `mlxr runs rm` removes whole runs only.",
            f"mlxr runs rm {name.partition('@')[0]}",
        )
    run = workspace.run(name)
    if not _inside(run.folder, workspace):
        raise MlxrError(
            f"{name} is not a run folder in {workspace.root / 'adapters'}: it is left alone.",
            "Name a run as `mlxr runs` does: RECIPE/NUMBER.",
        )
    if any(held(log) for log in run.folder.rglob("*.log")):
        raise _in_use(run)
    return Run(workspace.root / "adapters" / run.folder.parent.name / run.folder.name)


def _inside(folder: Path, workspace: Workspace) -> bool:
    """Tell whether a folder is adapters/<recipe>/<number>, reached without a link."""
    straight = workspace.root / "adapters" / folder.parent.name / folder.name
    plain = not any(path.is_symlink() for path in (straight, straight.parent))
    return folder.name.isdigit() and plain and folder.absolute() == straight.absolute()


def _in_use(run: Run) -> MlxrError:
    return MlxrError(
        f"Run {run.name} is in use: it is being trained or compared.",
        f"Wait for its end, which `mlxr watch {run.name}` shows, or stop it first.",
    )


def _files(folder: Path) -> int:
    return sum(not path.is_dir() or path.is_symlink() for path in folder.rglob("*"))


def _users(run: Run, going: Sequence[Run], workspace: Workspace) -> list[str]:
    """Return the runs that began from its weights, and the sweeps that it is part of."""
    others = [other for other in workspace.runs() if other not in going]
    begun = [f"run {o.name}" for o in others if run.folder in _begun_from(o).parents]
    swept = [f"sweep {path}" for path in workspace.sweeps() if run.name in _swept(path)]
    return begun + swept


def _begun_from(run: Run) -> Path:
    try:
        return Path(run.read_record()["recipe"]["train"]["resume_adapter_file"] or "")
    except (MlxrError, KeyError, TypeError):
        return Path()


def _swept(path: Path) -> set[Any]:
    try:
        return {row["run"] for each in read_json(path)["settings"] for row in each["runs"]}
    except (MlxrError, KeyError, TypeError):
        return set()
