"""What `mlxr export` says at its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlxr.terminal.console import Terminal
from mlxr.terminal.reports import short
from mlxr.units import byte_size

if TYPE_CHECKING:
    from mlxr.export.stage import Export


def show_export(terminal: Terminal, export: Export) -> None:
    """Show where an export lies, what its proof found, and how to use it."""
    proof = export.made.proof
    if proof:
        terminal.result(proof.conclusion)
        for line in proof.figures:
            terminal.result(f"  {line}")
        if proof.lost:
            terminal.warn("It was kept because of --allow-lossy.")
    for note in export.made.notes:
        terminal.warn(note)
    terminal.result(f"{short(export.folder)} · {byte_size(export.size)}")
    if export.url:
        terminal.result(export.url)
    use = export.made.usage(short(export.folder), short(Path(export.base)))
    terminal.next_steps([("\n    ".join(use), "use it")])
    terminal.document(export.to_json())
