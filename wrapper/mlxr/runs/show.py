"""Everything about one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import read_json, reading
from mlxr.manifest import read_findings
from mlxr.recipe import revive
from mlxr.recipe.overlay import leaves
from mlxr.runs.summary import Verdict, planned, result, size, verdicts
from mlxr.workspace import Run, Workspace


@dataclass(frozen=True)
class Kept:
    """One set of weights in a run's folder."""

    name: str
    """As a command takes it: "", "best", or an iteration."""
    folder: Path
    size: int
    """Bytes."""
    resumable: bool
    """Whether a training can go on from it."""


@dataclass(frozen=True)
class Details:
    """A run with all that is known of it."""

    run: Run
    record: Mapping[str, Any]
    """run.json."""
    result: Mapping[str, Any]
    """How it went, or how it goes so far."""
    planned: int | None
    recipe: Mapping[str, Any]
    """The recipe's keys that have not their default, dotted."""
    verdicts: tuple[Verdict, ...]
    findings: tuple[Mapping[str, Any], ...] | None
    """Of the audit of its data; None where these data are no longer here."""
    kept: tuple[Kept, ...]
    size: int
    """Bytes of the whole folder."""


def details(run: Run, workspace: Workspace) -> Details:
    """Return everything about a run; raises MlxrError when its run.json cannot be read."""
    record = run.read_record()
    try:
        recipe = revive(record, run.record)
        return Details(
            run=run,
            record=record,
            result=result(run, record),
            planned=planned(run),
            recipe=leaves(recipe.model_dump(mode="json", exclude_defaults=True)),
            verdicts=tuple(verdicts(run, record)),
            findings=_findings(workspace, record),
            kept=tuple(_kept(run)),
            size=size(run.folder),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MlxrError(
            f"{run.record} is not as `mlxr train` wrote it ({type(error).__name__}).",
            "Name another run, or train again.",
        ) from None


def _findings(
    workspace: Workspace, record: Mapping[str, Any]
) -> tuple[Mapping[str, Any], ...] | None:
    """Return what the audit said of a run's data, if they are still those that lie here."""
    prepared = workspace.prepared(record["recipe"]["name"])
    if not prepared.manifest.is_file() or not prepared.audit.is_file():
        return None
    manifest = read_json(prepared.manifest)
    with reading(prepared.manifest):
        digests = {name: split["sha256"] for name, split in manifest["splits"].items()}
    return tuple(read_findings(prepared)) if digests == record["data"]["files"] else None


def _kept(run: Run) -> list[Kept]:
    found = [
        Kept(name, folder, size(folder), (folder / "state.json").is_file())
        for name, folder in run.kept.items()
    ]
    if run.adapter.is_file():
        found.insert(0, Kept("", run.folder, size(run.adapter), False))
    return found
