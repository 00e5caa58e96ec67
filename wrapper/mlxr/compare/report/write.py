"""Writing a comparison's files, compare.json last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlxr.compare.beside import probe_lines
from mlxr.compare.document import sample_lines
from mlxr.compare.judge import Judgement
from mlxr.compare.report.markdown import markdown
from mlxr.compare.report.page import page
from mlxr.files import write_json, write_jsonl, write_text

FILES = ("compare.json", "forgetting.jsonl", "report.html", "report.md", "samples.jsonl")
"""The names of a comparison's files."""


def write(folder: Path, document: Mapping[str, Any], judgement: Judgement) -> Path:
    """Write a comparison's files into `folder` and return the page, which opens in a browser.

    compare.json comes last: where it stands, the others are whole.
    """
    report = folder / "report.html"
    write_jsonl(folder / "samples.jsonl", sample_lines(judgement))
    probes = folder / "forgetting.jsonl"
    if judgement.forgetting:
        write_jsonl(probes, probe_lines(judgement))
    else:  # an earlier comparison's would be taken for this one's
        probes.unlink(missing_ok=True)
    write_text(folder / "report.md", markdown(document, judgement))
    write_text(report, page(document, judgement))
    write_json(folder / "compare.json", document)
    return report
