"""A run in one line: how it ended, how low its loss fell, and what compare said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import file_sha256, read_json, reading
from mlxr.train.result import so_far
from mlxr.workspace import Adapter, Run, Workspace


@dataclass(frozen=True)
class Verdict:
    """What a comparison came to."""

    checkpoint: str
    """"" for the run's own weights."""
    label: str
    metric: str
    unit: str
    base: float | None
    tuned: float | None
    outdated: bool
    """Whether the run was trained further since."""
    report: Path


@dataclass(frozen=True)
class Summary:
    """A run in one line."""

    run: Run
    created: str
    """When it began, ISO 8601."""
    status: str
    iterations: int
    planned: int | None
    best_loss: float | None
    verdict: Verdict | None
    size: int
    """Bytes on disk."""


@dataclass(frozen=True)
class Broken:
    """A run folder that cannot be read, and why."""

    run: Run
    problem: str


def summaries(workspace: Workspace) -> list[Summary | Broken]:
    """Return every run here, oldest first."""
    return [summary(run) for run in workspace.runs()]


def summary(run: Run) -> Summary | Broken:
    """Return a run in one line; a broken one never keeps the others from being told."""
    try:
        record = run.read_record()
        figures = result(run, record)
        return Summary(
            run=run,
            created=str(record.get("created", "")),
            status=record["status"],
            iterations=figures["iterations"],
            planned=planned(run),
            best_loss=figures["best_loss"],
            verdict=next(verdicts(run, record), None),
            size=size(run.folder),
        )
    except MlxrError as error:
        return Broken(run, error.message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return Broken(run, f"{run.record} is not as `mlxr train` wrote it ({error!r}).")


def result(run: Run, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `result` of run.json; of a run that has none yet, what its events tell."""
    found = record.get("result") or so_far(run)
    return dict(found)


def planned(run: Run) -> int | None:
    """Return the iterations that a run was to have; None where its configuration is gone."""
    config = read_json(run.config) if run.config.is_file() else {}
    with reading(run.config):
        iterations: int | None = config.get("iters")
        return iterations


def verdicts(run: Run, record: Mapping[str, Any]) -> Iterator[Verdict]:
    """Yield what comparisons of a run said, that of its own weights first."""
    for file in sorted(run.compare.glob("**/compare.json"), key=lambda p: (len(p.parts), p)):
        checkpoint = "" if file.parent == run.compare else file.parent.name
        weights = Adapter(run, checkpoint).weights
        yield _verdict(file, checkpoint, record, weights)


def _verdict(file: Path, checkpoint: str, record: Mapping[str, Any], weights: Path) -> Verdict:
    document = read_json(file)
    now = record.get("result", {}).get("adapter_sha256")
    if checkpoint:
        now = file_sha256(weights) if weights.is_file() else None
    with reading(file):
        primary = next((m for m in document["metrics"] if m["primary"]), None)
        return Verdict(
            checkpoint=checkpoint,
            label=document["verdict"]["label"],
            metric=primary["name"] if primary else "",
            unit=primary["unit"] if primary else "",
            base=primary["base"]["value"] if primary else None,
            tuned=primary["tuned"]["value"] if primary else None,
            outdated=document["provenance"].get("adapter_sha256") != now,
            report=file.with_name("report.html"),
        )


def size(folder: Path) -> int:
    """Return the bytes that a folder takes; of a link, the link's own."""
    if not folder.is_dir() or folder.is_symlink():
        return folder.lstat().st_size
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
