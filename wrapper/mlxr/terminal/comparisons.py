"""What `mlxr compare` says at its end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlxr.power import VERDICT
from mlxr.recipe import typed
from mlxr.terminal.console import Terminal
from mlxr.terminal.reports import short

if TYPE_CHECKING:
    from mlxr.compare.comparison import Comparison
    from mlxr.compare.explain import Explanation
    from mlxr.compare.judge import Judged, Judgement
    from mlxr.compare.several import Standing
    from mlxr.compare.verdict import Code

_STYLES = {
    "IMPROVED": "bold green",
    "EQUIVALENT": "bold",
    "INCONCLUSIVE": "bold yellow",
    "REGRESSED": "bold red",
    "BELOW_TRIVIAL_BASELINE": "bold red",
    "BLOCKED": "bold red",
}

_ASK = ("mlxr chat {run} --both", "ask base and tuned yourself")
_LOOK = [
    ("mlxr preview {recipe}", "see what it is trained on, row by row"),
    ("mlxr runs show {run}", "see its settings, and what the audit found in its data"),
]
_PLAN = ("mlxr plan {recipe}", "see which difference the test rows can show, and what more takes")
_AFTER: dict[Code, list[tuple[str, str]]] = {
    "IMPROVED": [_ASK, ("mlxr export {run}", "hand it on")],
    "EQUIVALENT": [_ASK],
    "INCONCLUSIVE": [_ASK, _PLAN],
    "REGRESSED": _LOOK,
    "BELOW_TRIVIAL_BASELINE": _LOOK,
    "BLOCKED": _LOOK,
}
"""What to type after a verdict, and why."""


def show_comparison(
    terminal: Terminal, comparison: Comparison, further: Sequence[tuple[str, str]] = ()
) -> None:
    """Show the verdict, then what it rests on, then what to type next, `further` last."""
    from mlxr.compare.report import rows

    judgement, document = comparison.judgement, comparison.document
    verdict = judgement.verdict
    terminal.result()
    terminal.result(verdict.label, _STYLES[verdict.code])
    terminal.result(verdict.text)
    for alarm in judgement.alarms:
        if alarm.code not in verdict.blockers:  # the verdict's text has those
            terminal.result(f"\n{alarm.code}: {alarm.message}", "yellow")
    terminal.result()
    terminal.table(rows.METRICS, rows.metric_rows(judgement))
    trivial = " · ".join(f"{name} {value}" for name, value in rows.baseline_rows(judgement))
    if trivial:
        terminal.result(f"answers that need no model, on {judgement.primary.name}: {trivial}")
    if prompted := document.get("prompted"):
        terminal.result(prompted["text"])
    if document["fields"]:
        terminal.result()
        terminal.table(rows.FIELDS, rows.field_rows(document["fields"]))
    terminal.result(f"\nsamples: {rows.counts_line(judgement)}")
    terminal.result(f"test rows seen in training: {rows.leaks_line(judgement)}")
    if beside := rows.forgetting_line(judgement):
        notes = document["forgetting"]["notes"]
        terminal.result(" ".join([f"beside the task: {beside}.", *notes]))
    if referee := rows.referee_line(judgement):
        terminal.result(f"judge: {referee}")
    _show_worst(terminal, judgement.worst[:3])
    if cost := rows.speed_line(document["arms"]):
        terminal.result(f"cost, in batches: {cost}")
    if timed := rows.pace_line(document):
        terminal.result(timed)
    terminal.result(short(comparison.report))
    terminal.next_steps([*_next(comparison), *further])
    terminal.document(document)


def show_several(terminal: Terminal, comparisons: Sequence[Comparison]) -> None:
    """Show how several adapters stand beside each other, the best first, and where each is told."""
    from mlxr.compare.report import rows
    from mlxr.compare.several import CHOICE, several_document, standings

    found = standings(comparisons)
    metric = found[0].metric
    columns = ["run", f"{metric.name} base", "tuned", "difference", "95 % interval", "p", "alone"]
    terminal.result()
    terminal.table(columns, [_standing(each) for each in found])
    terminal.result(CHOICE)
    for comparison in comparisons:
        if timed := rows.pace_line(comparison.document):
            terminal.result(f"{comparison.document['run']}: {timed}")
    for comparison in comparisons:
        terminal.result(short(comparison.report))
    terminal.document(several_document(comparisons))


def _standing(standing: Standing) -> list[str]:
    from mlxr.compare.report import rows

    figures = rows.paired_cells(standing.metric, standing.paired, standing.p_holm)
    return [standing.name, *figures, standing.label]


def show_explanation(terminal: Terminal, explanations: Sequence[Explanation]) -> None:
    """Show the rule behind a metric, in each of its meanings."""
    for i, explanation in enumerate(explanations):
        if i:
            terminal.result()
        for paragraph in explanation.paragraphs:
            terminal.result(paragraph)
    terminal.document(
        [{"metric": e.metric.name, "tasks": e.tasks, "text": e.paragraphs} for e in explanations]
    )


def _next(comparison: Comparison) -> list[tuple[str, str]]:
    """Return how to read the answers and, where there is a run, what its verdict suggests."""
    steps = [(f"less {short(comparison.folder / 'samples.jsonl')}", "read every answer")]
    if comparison.adapter:
        name, record = comparison.adapter.name, comparison.adapter.run.read_record()
        recipe = typed(short(Path(record["recipe_path"])), record.get("set", ()))
        for command, meaning in _after(comparison.judgement):
            steps.append((command.format(run=name, recipe=recipe), meaning))
    return steps


def _after(judgement: Judgement) -> list[tuple[str, str]]:
    code = judgement.verdict.code
    if code == "IMPROVED" and judgement.right is False:
        return [_ASK]  # nobody would hand that on
    if code == "BLOCKED" and len(judgement.judged) < VERDICT:
        return [_PLAN]
    return _AFTER[code]


def _show_worst(terminal: Terminal, worst: Sequence[Judged]) -> None:
    """Show the samples that lost most; all of them are in samples.jsonl."""
    if not worst:
        return
    terminal.result("lost most:")
    for judged in worst:
        terminal.result(f"  {judged.sample.id}  {_line(judged.sample.prompt)}")
        terminal.result(f"    expected  {_line(judged.sample.target)}")
        terminal.result(f"    base      {_line(judged.base.text)}")
        terminal.result(f"    tuned     {_line(judged.tuned.text)}")


def _line(text: str, width: int = 110) -> str:
    """Return text on one line, cut in its middle; control characters are shown, not obeyed."""
    flat = " ".join(text.split())
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in flat)
    return shown if len(shown) <= width else f"{shown[: width // 2]} … {shown[-width // 2 :]}"
