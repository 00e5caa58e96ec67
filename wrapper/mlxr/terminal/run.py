"""What `mlxr runs show` and `mlxr runs diff` say."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlxr.recipe.overlay import toml
from mlxr.terminal.console import Terminal
from mlxr.terminal.progress import clock, figure
from mlxr.terminal.reports import short
from mlxr.terminal.runs import STATUS, movement, verdict_document, verdict_label
from mlxr.units import byte_size

if TYPE_CHECKING:
    from mlxr.runs.diff import Diff
    from mlxr.runs.show import Details


def show_run(terminal: Terminal, run: Details) -> None:
    """Show a run: how it went, what it was given, what was found, what is kept."""
    record, result = run.record, run.result
    of = f" of {run.planned:,}" if run.planned else ""
    status = STATUS.get(record["status"], record["status"])
    terminal.result(f"{run.run.name}: {status}, {result['iterations']:,}{of} iterations", "bold")
    if message := result.get("message"):
        terminal.result(f"  {message}")
    for name, value in _facts(run).items():
        terminal.result(f"  {name:16} {value}")
    for verdict in run.verdicts:
        terminal.result(f"\n{verdict_label(verdict)}  {movement(verdict)}")
        terminal.result(f"  {short(verdict.report)}")
    _show_recipe(terminal, run)
    _show_findings(terminal, run)
    terminal.result("\nkept")
    rows = [
        [kept.name or "the run's own", byte_size(kept.size), "yes" if kept.resumable else "",
         short(kept.folder)]
        for kept in run.kept
    ]  # fmt: skip
    terminal.table(["weights", "size", "to go on from", "folder"], rows)
    terminal.result(f"{short(run.run.folder)}  {byte_size(run.size)}")
    terminal.document(_document(run))


def _facts(run: Details) -> dict[str, str]:
    record, result = run.record, run.result
    best = f"{figure(result['best_loss'])} at {result['best_iteration'] or 0:,}"
    memory = result["peak_memory"]
    return {
        "began": str(record.get("created", "–")),
        "took": clock(result["seconds"]),
        "validation loss": f"{figure(result['base_loss'])} before, {best}",
        "peak memory": byte_size(memory * 1e9) if memory else "–",
        "data": f"{short(run.run.folder.parents[2] / 'data' / record['recipe']['name'])},"
        f" sha256 {record['data']['sha256'][:12]}",
        "versions": ", ".join(f"{name} {number}" for name, number in record["versions"].items()),
        "machine": ", ".join(map(_said, record.get("machine", {}).items())),
    }


def _said(fact: tuple[str, Any]) -> str:
    name, value = fact
    return f"{byte_size(value)} of memory" if name == "memory" and value else str(value)


def _show_recipe(terminal: Terminal, run: Details) -> None:
    record = run.record
    given = "".join(f" --set {each}" for each in record.get("set", ()))
    terminal.result(f"\nrecipe {record['recipe_path']}{given}")
    for key, value in run.recipe.items():
        if value is not None:
            terminal.result(f"  {key} = {toml(value)}")


def _show_findings(terminal: Terminal, run: Details) -> None:
    if run.findings is None:
        terminal.result("\nfindings: its data are no longer here")
        return
    told = [each for each in run.findings if each["level"] != "info"]
    terminal.result("\nfindings" if told else "\nfindings: none")
    for each in told:
        terminal.result(f"  {each['code']}: {each['message']}")


def _document(run: Details) -> dict[str, Any]:
    return {
        **run.record,
        "run": run.run.name,
        "folder": str(run.run.folder),
        "size": run.size,
        "planned": run.planned,
        "result": dict(run.result),
        "compare": [verdict_document(verdict) for verdict in run.verdicts],
        "findings": None if run.findings is None else list(run.findings),
        "kept": [{**asdict(kept), "folder": str(kept.folder)} for kept in run.kept],
    }


def show_diff(terminal: Terminal, diff: Diff) -> None:
    """Show what differs, part by part."""
    if not diff.parts:
        terminal.result(f"{diff.one} and {diff.other} do not differ.")
    for name, part in diff.parts.items():
        rows = [[key, *(_cell(value, key) for value in values)] for key, values in part.items()]
        terminal.table([name, diff.one, diff.other], rows)
        terminal.result()
    terminal.document(
        {
            "runs": [diff.one, diff.other],
            **{name: {key: list(values) for key, values in part.items()}
               for name, part in diff.parts.items()},
        }
    )  # fmt: skip


HASH = re.compile("[0-9a-f]{64}")
WIDEST = 40
"""Characters of a value."""


def _cell(value: Any, key: str) -> str:
    """Return the value of a key, its end cut off where it is long."""
    if key == "seconds" and value is not None:
        return clock(value)
    if key == "peak_memory" and value is not None:
        return byte_size(value * 1e9)
    if isinstance(value, float):
        value = f"{value:.6g}"
    if isinstance(value, str) and HASH.fullmatch(value):
        value = value[:12]
    text = "–" if value is None else value if isinstance(value, str) else toml(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
