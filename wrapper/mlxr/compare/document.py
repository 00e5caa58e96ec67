"""compare.json and samples.jsonl: the comparison as data, full precision, nothing rounded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mlxr import provenance
from mlxr.compare.beside import forgetting_entry, judge_entry, leaks_entry
from mlxr.compare.breakdown import error_counts, means_of_groups, transitions
from mlxr.compare.entries import metric_entry, slice_entry
from mlxr.compare.judge import Judged, Judgement
from mlxr.compare.sample import Output, Score
from mlxr.compare.scorers.extraction import field_table

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
        "metrics": [metric_entry(result, judgement.primary.name) for result in judgement.results],
        "baselines": {name: dict(values) for name, values in judgement.baselines.items()},
        "ceilings": dict(judgement.ceilings),
        "fields": _fields(judgement),
        "slices": [slice_entry(each) for each in judgement.slices],
        "means_of_groups": {
            name: {"base": base, "tuned": tuned}
            for name, (base, tuned) in means_of_groups(judgement.slices).items()
        },
        "errors": _errors(judgement),
        "forgetting": forgetting_entry(judgement),
        "judge": judge_entry(judgement.refereed),
        "alarms": [asdict(alarm) for alarm in judgement.alarms],
        "findings": [dict(f) for f in origin.findings if f["level"] != "info"],
        "arms": dict(origin.arms),
        "loss_curve": dict(origin.loss_curve),
        "data": {"n": len(judgement.judged), "leaks": leaks_entry(judgement), **origin.data},
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
        "slices": {**judged.tuned_score.slices, **_refereed(judged)},
        "outcome": judged.outcome,
        "prompt": sample.prompt,
        "target": sample.target,
        "base": side(judged.base, judged.base_score),
        "tuned": side(judged.tuned, judged.tuned_score),
    }
    return dict(_finite(made))


def _refereed(judged: Judged) -> dict[str, str]:
    return {"judge": judged.preferred} if judged.preferred else {}


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
