"""The rows of a comparison's tables as text, the same in every form of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlxr.compare.judge import Judged, Judgement, Result
from mlxr.compare.metric import Metric
from mlxr.compare.statistics import Paired

METRICS = ("metric", "base", "tuned", "difference", "95 % interval", "p")
SLICES = ("slice", "n", "base", "tuned", "difference", "95 % interval", "p")
ERRORS = ("error", "base", "tuned")
FIELDS = ("field", "base F1", "tuned F1", "right", "wrong", "invented", "missed")


def metric_rows(judgement: Judgement) -> list[list[str]]:
    """Return the metric table, the primary (●) first; p is adjusted for all others."""
    return [_metric_row(result, judgement.primary.name) for result in judgement.results]


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
    return [[kind, *(str(errors[arm].get(kind, 0)) for arm in ("base", "tuned"))] for kind in kinds]


def counts_line(judgement: Judgement) -> str:
    """Return how the samples moved on the primary metric."""
    outcomes: list[str] = [judged.outcome for judged in judgement.judged]
    named = (
        ("fixed", "fixed"),
        ("broken", "broken"),
        ("both", "right in both"),
        ("neither", "wrong in both"),
        ("win", "better"),
        ("loss", "worse"),
        ("tie", "equal"),
        ("unscored", "unscored"),
    )
    counted = [(outcomes.count(code), words) for code, words in named]
    return " · ".join(f"{count} {words}" for count, words in counted if count)


def worst(judgement: Judgement, count: int) -> Sequence[Judged]:
    """Return the samples that lost most."""
    return judgement.worst[:count]


def speed_line(arms: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what each arm cost."""
    return "; ".join(
        f"{name} {arm['generation_seconds']:.1f} s, {arm['tokens_per_second']:,.0f} tokens/s,"
        f" {arm['peak_memory']:.2f} GB"
        for name, arm in arms.items()
    )


def _metric_row(result: Result, primary: str) -> list[str]:
    metric, paired = result.metric, result.paired
    p = paired.p if result.p_holm is None else result.p_holm
    return [
        f"{metric.name} {'●' if metric.name == primary else ''}".strip(),
        metric.show(paired.base),
        metric.show(paired.tuned),
        metric.show_delta(paired.delta),
        _ends(metric, paired),
        "–" if metric.descriptive else _p(p),
    ]


def _ends(metric: Metric, paired: Paired) -> str:
    interval = paired.interval
    ends = [interval.low, interval.high] if interval else []
    return " … ".join(metric.show_delta(end).split()[0] for end in ends) or "–"


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _f1(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
