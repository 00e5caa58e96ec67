"""The rows of a comparison's tables as text, the same in every form of the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlxr.compare import clean, pace
from mlxr.compare.forgetting import DRIFT
from mlxr.compare.judge import Judgement
from mlxr.compare.metric import Metric
from mlxr.compare.result import Result
from mlxr.compare.statistics import Paired
from mlxr.loaded import ARMS
from mlxr.units import byte_size

METRICS = ("metric", "base", "tuned", "difference", "95 % interval", "p")
SLICES = ("slice", "n", "base", "tuned", "difference", "95 % interval", "p")
ERRORS = ("error", "base", "tuned")
OUTCOMES = {
    "fixed": "fixed",
    "broken": "broken",
    "both": "right in both",
    "neither": "wrong in both",
    "win": "better",
    "loss": "worse",
    "tie": "equal",
    "unscored": "unscored",
}
"""What became of a sample, in words."""
FIELDS_OF_BOTH = ("field", "F1", "right", "wrong", "invented", "missed")
COSTS = (
    "arm", "seconds", "tokens/s", "memory", "tokens", "tokens an answer", "words an answer",
    "cut at the limit",
)  # fmt: skip
"""Of lengths the median, and where all but one in twenty are, at either end."""
FIELDS = ("field", "base F1", "tuned F1", "right", "wrong", "invented", "missed")


def metric_rows(judgement: Judgement) -> list[list[str]]:
    """Return the metric table, the primary (●) first; p is adjusted for all others."""
    return [_metric_row(result, judgement.primary.name) for result in judgement.results]


def headline_rows(judgement: Judgement) -> list[list[str]]:
    """Return what the verdict is about; empty if no sample has a score of it."""
    rows = [_metric_row(result, judgement.primary.name) for result in judgement.headline]
    return [[*row, str(each.paired.n)] for row, each in zip(rows, judgement.headline, strict=True)]


def leaks_line(judgement: Judgement) -> str:
    """Return which test rows were seen in training."""
    return clean.line(judgement.leaks)


def forgetting_rows(judgement: Judgement) -> list[list[str]]:
    """Return what was measured beside the task, by `METRICS`; empty where nothing was."""
    found = judgement.forgetting
    if found is None:
        return []
    rows = [_metric_row(result, "") for result in found.results]
    if found.drift:
        rows.append([DRIFT.name, "0", DRIFT.show(found.drift.value), "–", "–", "–"])
    return rows


def forgetting_line(judgement: Judgement) -> str:
    """Return the same in a line; "" where nothing was measured."""
    found = judgement.forgetting
    if found is None:
        return ""
    parts = []
    for each in found.results:
        base, tuned = (each.metric.show(value) for value in (each.paired.base, each.paired.tuned))
        parts.append(f"{each.metric.title} {base} → {tuned}")
    if found.drift:
        parts.append(f"{DRIFT.title} {DRIFT.show(found.drift.value)}")
    return "; ".join(parts)


def referee_line(judgement: Judgement) -> str:
    """Return what a local model says of both arms; "" where none was asked."""
    found = judgement.refereed
    if found is None:
        return ""
    if found.tally is None:
        return " ".join([f"{found.model} gave no verdict.", *found.notes])
    tally, ends = found.tally, found.interval
    sure = f"95 % interval {100 * ends.low:.1f} … {100 * ends.high:.1f}, " if ends else ""
    alike = "" if found.consistency is None else f"; alike in both orders {found.consistency:.0%}"
    said = (
        f"{found.model} prefers tuned in {tally.wins}, base in {tally.losses}, neither in "
        f"{tally.ties} samples: win rate {100 * tally.win_rate:.1f} % ({sure}sign test p "
        f"{_p(tally.p)}){alike}."
    )
    return " ".join([said, *found.notes, "It has no part in the verdict."])


def baseline_rows(judgement: Judgement) -> list[list[str]]:
    """Return what trivial answers score on the primary metric."""
    primary = judgement.primary
    return [
        [name, primary.show(values[primary.name])]
        for name, values in judgement.baselines.items()
        if primary.name in values
    ]


def ceilings_line(judgement: Judgement) -> str:
    """Return what the expected answers score where it is not the most; "" if nowhere."""
    metrics = {result.metric.name: result.metric for result in judgement.results}
    short = judgement.ceilings.items()
    return ", ".join(f"{name} {metrics[name].show(v)}" for name, v in short if name in metrics)


def field_rows(fields: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Return the table of fields: F1 of both arms, and the tuned arm's counts."""
    rows = []
    for name, arms in fields.items():
        tuned = arms["tuned"]
        counts = [str(tuned[key]) for key in ("tp", "fd", "fa", "fn")]
        rows.append([name, _f1(arms["base"]["f1"]), _f1(tuned["f1"]), *counts])
    return rows


def field_rows_of_both(fields: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Return the table of fields with every figure of base → tuned."""
    found = []
    for name, arms in fields.items():
        base, tuned = arms["base"], arms["tuned"]
        counts = [f"{base[key]} → {tuned[key]}" for key in ("tp", "fd", "fa", "fn")]
        found.append([name, f"{_f1(base['f1'])} → {_f1(tuned['f1'])}", *counts])
    return found


def slice_rows(judgement: Judgement) -> list[list[str]]:
    """Return the primary metric by slice; p is adjusted within each grouping."""
    show, show_delta = judgement.primary.show, judgement.primary.show_delta
    return [
        [
            f"{each.name}: {each.value}",
            str(each.paired.n),
            show(each.paired.base),
            show(each.paired.tuned),
            show_delta(each.paired.delta),
            _ends(judgement.primary, each.paired),
            _p(each.p_holm),
        ]
        for each in judgement.slices
    ]


def error_rows(errors: Mapping[str, Any]) -> list[list[str]]:
    """Return how many samples have each type of error, in both arms."""
    kinds = dict.fromkeys([*errors.get("base", ()), *errors.get("tuned", ())])
    return [[kind, *(str(errors[arm].get(kind, 0)) for arm in ARMS)] for kind in kinds]


def transition_rows(errors: Mapping[str, Any]) -> list[list[str]]:
    """Return what became of each kind of error, the commonest first."""
    return [[each["base"], each["tuned"], str(each["n"])] for each in errors["transitions"]]


def counts_line(judgement: Judgement) -> str:
    """Return how the samples moved on the primary metric."""
    outcomes: list[str] = [judged.outcome for judged in judgement.judged]
    counted = [(outcomes.count(code), words) for code, words in OUTCOMES.items()]
    return " · ".join(f"{count} {words}" for count, words in counted if count)


def cost_rows(arms: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Return what each arm cost, by `COSTS`."""
    return [
        [
            name,
            f"{arm['generation_seconds']:.1f}",
            _rate(arm),
            byte_size(arm["peak_memory"] * 1e9),
            f"{arm['tokens']:,}",
            _length(arm["answer_tokens"]),
            _length(arm["answer_words"]),
            str(arm["truncated"]),
        ]
        for name, arm in arms.items()
    ]


def _length(spread: Mapping[str, int]) -> str:
    return f"{spread['median']:,} ({spread['p5']:,} … {spread['p95']:,})"


def speed_line(arms: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what each arm cost; "" where nobody measured it."""
    return "; ".join(
        f"{name} {arm['generation_seconds']:.1f} s, {_rate(arm)} tokens/s,"
        f" {byte_size(arm['peak_memory'] * 1e9)}"
        for name, arm in arms.items()
    )


def pace_line(document: Mapping[str, Any]) -> str:
    """Return how fast both arms answer one prompt after the other; "" where nobody asked."""
    return f"One prompt at a time: {pace.line(document['bench'])}." if "bench" in document else ""


def loss_rows(points: Sequence[tuple[int, float]]) -> list[list[str]]:
    """Return losses as text: iteration, nats per token."""
    return [[f"{iteration:,}", f"{loss:.4f}"] for iteration, loss in points]


def provenance_rows(document: Mapping[str, Any]) -> list[list[str]]:
    """Return how a comparison was made, as far as it is known."""
    made, data = document["provenance"], document["data"]
    recipe = made.get("recipe", {})
    found = {
        "model": recipe.get("model"),
        "adapter": made.get("adapter_sha256"),
        "data": data.get("sha256"),
        "samples": _chosen(data, made["seed"]),
        "base": _file(data.get("base")),
        "tuned": _file(data.get("tuned")),
        "columns": data.get("columns") and json.dumps(data["columns"], ensure_ascii=False),
        "scored by": made["signature"],
        "generation": made.get("generate") and json.dumps(made["generate"]),
        "versions": ", ".join(f"{k} {v}" for k, v in made["compared_with"].items() if v),
        "machine": made["machine"]["system"],
        "probes": (document["forgetting"] or {}).get("probes_sha256"),
        "seed": made["seed"],
    }
    return [[name, str(value)] for name, value in found.items() if value not in (None, "")]


def _chosen(data: Mapping[str, Any], seed: int) -> str:
    """Return how the samples were chosen; "" if all there are were taken."""
    n, of = data["n"], data.get("of", data["n"])
    return f"{n:,} of {of:,}, by seed {seed}, each category by its share" if n < of else ""


def _file(about: Mapping[str, Any] | None) -> str:
    return f"{about['path']} (sha256 {about['sha256']})" if about else ""


def _rate(arm: Mapping[str, Any]) -> str:
    rate = arm["tokens_per_second"]
    return "–" if rate is None else f"{rate:,.0f}"


def paired_cells(metric: Metric, paired: Paired | None, p_holm: float | None) -> list[str]:
    """Return base, tuned, difference, interval and p of a metric; dashes where nothing is scored.

    p is the adjusted one, where there is one.
    """
    if paired is None:
        return ["–"] * 5
    return [
        metric.show(paired.base),
        metric.show(paired.tuned),
        metric.show_delta(paired.delta),
        _ends(metric, paired),
        "–" if metric.descriptive else _p(paired.p if p_holm is None else p_holm),
    ]


def _metric_row(result: Result, primary: str) -> list[str]:
    name = f"{result.metric.name} {'●' if result.metric.name == primary else ''}".strip()
    return [name, *paired_cells(result.metric, result.paired, result.p_holm)]


def _ends(metric: Metric, paired: Paired) -> str:
    interval = paired.interval
    ends = [interval.low, interval.high] if interval else []
    return " … ".join(metric.show_delta(end).split()[0] for end in ends) or "–"


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _f1(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
