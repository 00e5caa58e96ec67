"""compare.json and samples.jsonl: the comparison as data, full precision, nothing rounded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mlxr import provenance
from mlxr.compare.arms import Arm, Request
from mlxr.compare.breakdown import Slice, error_counts, means_of_groups, transitions
from mlxr.compare.judge import Judged, Judgement, Result
from mlxr.compare.sample import Output, Score
from mlxr.compare.scorers.extraction import field_table
from mlxr.compare.statistics import Estimate, Interval
from mlxr.workspace import Run

SCHEMA = "mlxr.compare/1"


def document(
    run: Run,
    record: Mapping[str, Any],
    request: Request,
    arms: Mapping[str, Arm],
    judgement: Judgement,
    findings: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what compare.json holds; only finite numbers and null."""
    made = {
        "schema": SCHEMA,
        "run": run.name,
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
        "findings": [dict(f) for f in findings if f["level"] != "info"],
        "arms": {name: _arm(arm) for name, arm in arms.items()},
        "data": {"n": len(judgement.judged), "split": "test", **record["data"]},
        "provenance": {
            "recipe": record["recipe"],
            "signature": judgement.signature,
            "adapter_sha256": record["result"]["adapter_sha256"],
            "generate": {
                "temperature": 0,
                "max_tokens": request.max_tokens,
                "batch_size": request.batch_size,
            },
            "trained_with": record["versions"],
            "compared_with": provenance.versions(),
            "machine": provenance.machine(),
        },
    }
    finite = _finite(made)
    return dict(finite)


def sample_lines(judgement: Judgement) -> Iterator[dict[str, Any]]:
    """Yield the lines of samples.jsonl: everything about each sample, in full."""
    for judged in judgement.judged:
        yield _finite(
            {
                "id": judged.sample.id,
                "category": judged.sample.category,
                "cluster": judged.sample.cluster,
                "slices": dict(judged.tuned_score.slices),
                "outcome": judged.outcome,
                "prompt": judged.sample.prompt,
                "target": judged.sample.target,
                "base": _side(judged.base, judged.base_score),
                "tuned": _side(judged.tuned, judged.tuned_score),
            }
        )


def _side(output: Output, score: Score) -> dict[str, Any]:
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
            "ci95": _interval(paired.interval),
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
        "ci95": _interval(estimate.interval),
        "n": estimate.n,
        "unscored": estimate.unscored,
    }


def _interval(interval: Interval | None) -> list[float] | None:
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
        "ci95": _interval(paired.interval),
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


def _arm(arm: Arm) -> dict[str, Any]:
    return {
        "generation_seconds": arm.seconds,
        "tokens": arm.tokens,
        "tokens_per_second": arm.tokens_per_second,
        "peak_memory": arm.peak_memory,
        "truncated": sum(output.finish == "length" for output in arm.outputs),
        "adapter_moved": arm.adapter_moved,
    }


def _finite(value: Any) -> Any:
    """Return `value` with null for every number that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
