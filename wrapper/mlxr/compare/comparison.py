"""A comparison that is done: what was found, and where its reports lie."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.compare.judge import Judgement
from mlxr.compare.report.write import write
from mlxr.compare.verdict import Verdict, exit_code
from mlxr.workspace import Adapter


@dataclass(frozen=True)
class Comparison:
    """A judgement and its reports."""

    judgement: Judgement
    document: Mapping[str, Any]
    """What compare.json holds."""
    folder: Path
    """Where the reports lie."""
    report: Path
    """The page."""
    adapter: Adapter | None = None
    """The tuned arm's; None for stored outputs."""

    @property
    def verdict(self) -> Verdict:
        """What it came to."""
        return self.judgement.verdict

    def exit_code(self, fail_on: Collection[str] = ()) -> int:
        """Return 0, 3 (worse, or named in `fail_on`) or 4 (blocked)."""
        return exit_code(self.verdict, fail_on)


def finish(
    folder: Path, document: Mapping[str, Any], judgement: Judgement, adapter: Adapter | None = None
) -> Comparison:
    """Write the reports of a judgement into `folder` and return the comparison."""
    return Comparison(judgement, document, folder, write(folder, document, judgement), adapter)
