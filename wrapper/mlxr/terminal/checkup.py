"""What `mlxr doctor` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from mlxr.terminal.console import Terminal

if TYPE_CHECKING:
    from mlxr.doctor.check import Check

_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def show_checkup(terminal: Terminal, checks: Sequence[Check]) -> None:
    """Write the checklist, a line a check, with what to do below those that are not well."""
    for check in checks:
        level = (f"{check.level:8} ", _STYLES[check.level])
        terminal.styled([level, (f"{check.about:12} ", "bold"), (check.found, "")])
        if check.fix:
            terminal.result(f"{'':22}→ {check.fix}")
    counts = Counter(check.level for check in checks)
    terminal.result(
        f"\n{counts['ok']} ok · {_count(counts['warning'], 'warning')} · {counts['failed']} failed"
    )
    document = {"ok": not counts["failed"], "checks": [asdict(check) for check in checks]}
    terminal.document(document)
