"""compare.json and samples.jsonl: the comparison as data, full precision, nothing rounded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mlxr import provenance
from mlxr.compare.breakdown import Slice, error_counts, means_of_groups, transitions
from mlxr.compare.judge import Judged, Judgement, Result
from mlxr.compare.sample import Output, Score
from mlxr.compare.scorers.extraction import field_table
from mlxr.compare.statistics import Estimate, Interval

SCHEMA = "mlxr.compare/1"


@dataclass(frozen=True)
class Origin:
    """Where a comparison's outputs come from, as the document tells it; JSON values."""

    name: str
    """Of the run, or of the compared file."""
    data: Mapping[str, Any]
    provenance: Mapping[str, Any]
    arms: Mapping[str, Any] = field(default_factory=dict)
    """What each arm cost; empty where nobody measured it."""
    findings: Sequence[Mapping[str, Any]] = ()
    """Of the audit of the data."""
    loss_curve: Mapping[str, Any] = field(default_factory=dict)
    """train and valid: [iteration, nats per token]."""


def document(origin: Origin, judgement: Judgement) -> dict[str, Any]:
    """Return what compare.json holds; only finite numbers and null."""
    made = {
        "schema": SCHEMA,
        "run": origin.name,
        "verdict": {"label": judgement.verdict.label, **asdict(judgement.verdict)},
        "metrics": [_metric(result, judgement) for result in judgement.results],
        "baselines": {name: dict(values) for name, values in judgement.baselines.items()},
        "ceilings": dict(judgement.ceilings),
        "fields": _fields(judgement),
        "slices": [_slice(each) for each in judgement.slices],
        "means_of_groups": {
            name: {"base": base, "tuned": tuned}
            for name, (base, tuned) in means_of_groups(judgement.slices).items()
        },
        "errors": _errors(judgement),
        "alarms": [asdict(alarm) for alarm in judgement.alarms],
        "findings": [dict(f) for f in origin.findings if f["level"] != "info"],
        "arms": dict(origin.arms),
        "loss_curve": dict(origin.loss_curve),
        "data": {"n": len(judgement.judged), **origin.data},
        "provenance": {
            "signature": judgement.signature,
            **origin.provenance,
            "compared_with": provenance.versions(),
            "machine": provenance.machine(),
        },
    }
    finite = _finite(made)
    return dict(finite)


def sample_lines(judgement: Judgement) -> Iterator[dict[str, Any]]:
    """Yield the lines of samples.jsonl."""
    return map(sample_line, judgement.judged)


def sample_line(judged: Judged) -> dict[str, Any]:
    """Return everything about one sample, in full; only finite numbers and null."""
    sample = judged.sample
    made = {
        "id": sample.id,
        "category": sample.category,
        "cluster": sample.cluster,
        "slices": dict(judged.tuned_score.slices),
        "outcome": judged.outcome,
        "prompt": sample.prompt,
        "target": sample.target,
        "base": side(judged.base, judged.base_score),
        "tuned": side(judged.tuned, judged.tuned_score),
    }
    return dict(_finite(made))


def side(output: Output, score: Score) -> dict[str, Any]:
    """Return what one arm wrote for one sample, and what was made of it."""
    return {
        "output": output.text,
        "finish": output.finish,
        "tokens": output.tokens,
        "nll": output.nll,
        "target_tokens": output.target_tokens,
        "decode_seconds": output.decode_seconds,
        "answer": score.answer,
        "parse": score.parse,
        "values": dict(score.values),
        "errors": list(score.errors),
        "flags": list(score.flags),
        "detail": dict(score.detail),
    }


def _metric(result: Result, judgement: Judgement) -> dict[str, Any]:
    metric, paired = result.metric, result.paired
    return {
        "name": metric.name,
        "title": metric.title,
        "kind": metric.kind,
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
        "primary": metric.name == judgement.primary.name,
        "descriptive": metric.descriptive,
        "explanation": metric.explanation,
        "base": _estimate(result.base),
        "tuned": _estimate(result.tuned),
        "delta": {
            "value": paired.delta,
            "ci95": interval_ends(paired.interval),
            "method": paired.interval.method if paired.interval else None,
            "p": paired.p,
            "p_method": paired.p_method,
            "p_holm": result.p_holm,
            "se": paired.se,
            "mde80": paired.mde,
        },
        "n": paired.n,
        "clusters": paired.clusters,
        "paired": {
            "fixed": paired.fixed,
            "broken": paired.broken,
            "both": paired.both,
            "neither": paired.neither,
        },
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": estimate.value,
        "ci95": interval_ends(estimate.interval),
        "n": estimate.n,
        "unscored": estimate.unscored,
    }


def interval_ends(interval: Interval | None) -> list[float] | None:
    """Return an interval as JSON has it."""
    return [interval.low, interval.high] if interval else None


def _slice(each: Slice) -> dict[str, Any]:
    paired = each.paired
    return {
        "slice": each.name,
        "value": each.value,
        "n": paired.n,
        "clusters": paired.clusters,
        "base": paired.base,
        "tuned": paired.tuned,
        "delta": paired.delta,
        "ci95": interval_ends(paired.interval),
        "p": paired.p,
        "p_holm": each.p_holm,
    }


def _errors(judgement: Judgement) -> dict[str, Any]:
    """Return the types of error in each arm, and what became of them; empty without any."""
    base, tuned = (
        [score(judged) for judged in judgement.judged] for score in (_base_score, _tuned_score)
    )
    moved = transitions(base, tuned)
    if not moved:
        return {}
    counts = {"base": error_counts(base), "tuned": error_counts(tuned)}
    return {**counts, "transitions": [asdict(each) for each in moved]}


def _fields(judgement: Judgement) -> dict[str, dict[str, Any]]:
    """Return the counts of each field in each arm; empty for tasks without fields."""
    tables = {
        arm: field_table([score(judged) for judged in judgement.judged])
        for arm, score in (("base", _base_score), ("tuned", _tuned_score))
    }
    return {
        field: {
            arm: {**asdict(table[field]), "f1": table[field].f1} for arm, table in tables.items()
        }
        for field in tables["base"]
    }


def _base_score(judged: Judged) -> Score:
    return judged.base_score


def _tuned_score(judged: Judged) -> Score:
    return judged.tuned_score


def _finite(value: Any) -> Any:
    """Return `value` with null for every number that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    # Exact types first: an abstract Mapping is ten times as slow to recognise.
    if isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
