"""What `mlxr runs` and `mlxr runs rm` say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlxr.terminal.console import Terminal
from mlxr.terminal.progress import figure
from mlxr.terminal.reports import short
from mlxr.units import byte_size

if TYPE_CHECKING:
    from mlxr.runs.remove import Doomed
    from mlxr.runs.summary import Broken, Summary, Verdict

STATUS = {"patience": "stopped early", "nonfinite": "not finite", "memory": "out of memory",
          "disk": "disk full", "error": "failed"}  # fmt: skip
"""What run.json calls otherwise."""
COLUMNS = ("run", "status", "iterations", "best loss", "verdict", "base → tuned", "size", "age")
SPARE = ("size", "age", "iterations")
"""What a narrow terminal does without first."""


def show_runs(terminal: Terminal, found: Sequence[Summary | Broken]) -> None:
    """Show every run, oldest first; one that cannot be read has a line of its own."""
    from mlxr.runs.summary import Broken, Summary

    whole = [each for each in found if isinstance(each, Summary)]
    now = datetime.now(UTC)
    if whole:
        terminal.table(COLUMNS, [_row(each, now) for each in whole], SPARE)
    for each in found:
        if isinstance(each, Broken):
            terminal.result(f"{each.run.name}: {each.problem}")
    if not found:
        terminal.talk("There is no run here yet.")
        terminal.next_steps([("mlxr train RECIPE", "make one")])
    terminal.document([_document(each) for each in found])


def _row(each: Summary, now: datetime) -> list[str]:
    of = f"/{each.planned:,}" if each.planned else ""
    return [
        each.run.name,
        STATUS.get(each.status, each.status),
        f"{each.iterations:,}{of}",
        figure(each.best_loss),
        verdict_label(each.verdict) if each.verdict else "–",
        movement(each.verdict) if each.verdict else "–",
        byte_size(each.size),
        age(each.created, now),
    ]


def verdict_label(verdict: Verdict) -> str:
    """Return a verdict, and whether it is of weights that are no longer the run's."""
    at = f"@{verdict.checkpoint} " if verdict.checkpoint else ""
    return f"{at}{verdict.label}{' (outdated)' if verdict.outdated else ''}"


def movement(verdict: Verdict) -> str:
    """Return the primary metric of both arms."""
    from mlxr.compare.metric import shown

    if verdict.base is None or verdict.tuned is None:
        return "–"
    values = (shown(value, verdict.unit) for value in (verdict.base, verdict.tuned))
    return f"{verdict.metric} {' → '.join(values)}"


def age(created: str, now: datetime) -> str:
    """Return how long ago a time is, in its greatest unit; unknown as –."""
    try:
        seconds = (now - datetime.fromisoformat(created)).total_seconds()
    except (ValueError, TypeError):
        return "–"
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length * (2 if unit == "days" else 1):
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _document(each: Summary | Broken) -> dict[str, Any]:
    from mlxr.runs.summary import Broken

    if isinstance(each, Broken):
        return {"run": each.run.name, "status": "unreadable", "problem": each.problem}
    verdict = each.verdict and verdict_document(each.verdict)
    return {**asdict(each), "run": each.run.name, "folder": str(each.run.folder),
            "verdict": verdict}  # fmt: skip


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON values."""
    return {**asdict(verdict), "report": str(verdict.report)}


def show_doomed(terminal: Terminal, doomed: Sequence[Doomed]) -> None:
    """Name exactly what is to go, and what refers to it."""
    for each in doomed:
        what = f"{each.files:,} files, {byte_size(each.size)}"
        terminal.result(f"{short(each.run.folder)}  {what}")
        for user in each.used_by:
            terminal.warn(f"{user} refers to it.")
    if len(doomed) > 1:
        terminal.result(f"{len(doomed)} runs, {byte_size(sum(each.size for each in doomed))}")


def show_removed(terminal: Terminal, doomed: Sequence[Doomed]) -> None:
    """Say what is gone, and what is not."""
    names = ", ".join(each.run.name for each in doomed)
    terminal.result(f"Removed {names}. Kept answers stay in adapters/.outputs.")
    terminal.document(
        {"removed": [{"run": each.run.name, "size": each.size, "files": each.files,
                      "used_by": list(each.used_by)} for each in doomed]}
    )  # fmt: skip
