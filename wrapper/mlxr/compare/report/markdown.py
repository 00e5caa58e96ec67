"""report.md: the comparison for a pull request; GitHub's Markdown, no HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlxr.compare.judge import Judged, Judgement
from mlxr.compare.report import rows
from mlxr.visible import escaped

SHOWN = 600
"""Characters of a prompt or an output that the report shows; samples.jsonl has all."""


def markdown(document: Mapping[str, Any], judgement: Judgement) -> str:
    """Return the report of a comparison; the same document gives the same bytes."""
    verdict = judgement.verdict
    parts = [f"# {verdict.label}: {document['run']}", verdict.text]
    parts += [f"> **{alarm.code}** ({alarm.level}) {alarm.message}" for alarm in judgement.alarms]
    parts += ["## Metrics", _table(rows.METRICS, rows.metric_rows(judgement))]
    parts.append("● named before the run; p of the others is adjusted for their number (Holm).")
    if judgement.baselines:
        name = judgement.primary.name
        parts.append(_table(("answers that need no model", name), rows.baseline_rows(judgement)))
    if prompted := document.get("prompted"):
        parts.append(prompted["text"])
    if judgement.ceilings:
        parts.append(f"The expected answers themselves: {rows.ceilings_line(judgement)}.")
    if document["fields"]:
        parts += ["## Fields", _table(rows.FIELDS, rows.field_rows(document["fields"]))]
    if judgement.slices:
        parts += [f"## {judgement.primary.name} by slice"]
        parts.append(_table(rows.SLICES, rows.slice_rows(judgement)))
    if document["errors"]:
        parts += ["## Errors", _table(rows.ERRORS, rows.error_rows(document["errors"]))]
    if beside := rows.forgetting_rows(judgement):
        parts += ["## What was forgotten", _table(rows.METRICS, beside)]
        parts += document["forgetting"]["notes"]
    if referee := rows.referee_line(judgement):
        parts += ["## What another model prefers", referee]
    if document["arms"]:
        parts += ["## Cost (descriptive)", _table(rows.COSTS, rows.cost_rows(document["arms"]))]
        parts.append("Lengths: median (5 % … 95 %).")
    if timed := rows.pace_line(document):
        parts.append(timed)
    parts += ["## Samples", f"{rows.counts_line(judgement)} (by {judgement.primary.name})"]
    parts.append(f"Test rows seen in training: {rows.leaks_line(judgement)}.")
    parts += [_sample(judged) for judged in judgement.worst[:5]]
    if document["findings"]:
        found = [f"- `{f['code']}`: {f['message']}" for f in document["findings"]]
        parts += ["## What the audit of the data found", "\n".join(found)]
    made = [f"- {name}: {value}" for name, value in rows.provenance_rows(document)]
    parts += ["## How it was made", "\n".join(made)]
    return escaped("\n\n".join(parts) + "\n")


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    head = [_row(columns), _row(["---", *["---:"] * (len(columns) - 1)])]
    return "\n".join(head + [_row(line) for line in lines])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _sample(judged: Judged) -> str:
    texts = (
        ("prompt", judged.sample.prompt),
        ("expected", judged.sample.target),
        ("base", judged.base.text),
        ("tuned", judged.tuned.text),
    )
    blocks = [f"{name}\n\n{_quoted(text)}" for name, text in texts]
    return "\n\n".join([f"### {judged.outcome}: {judged.sample.id}", *blocks])


def _quoted(text: str) -> str:
    """Return text as an indented block, in which nothing is markup."""
    shown = text if len(text) <= SHOWN else text[:SHOWN] + " …"
    return "\n".join(f"    {line}" for line in shown.splitlines() or [""])
