"""JSON records: every field of the output is held against the target's.

A field is TP (right value), FD (other value), FA (a value where none is due), FN (missed) or
TN (rightly null). Null fields earn nothing: a model that answers null to everything scores 0.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlxr.compare.metric import Metric
from mlxr.compare.parse import Parsed, read_json
from mlxr.compare.sample import Output, Sample, Score, Value
from mlxr.compare.scorers.baseline import Baseline, constant
from mlxr.compare.scorers.flags import TRUNCATED, find_flags
from mlxr.errors import MlxrError
from mlxr.values import KINDS, canonical, is_null

if TYPE_CHECKING:
    from mlxr.compare.scorers import ScorerOptions

UNREAD = "TN0"
"""Class of a null field of an unreadable output: neither wrong nor credited."""


@dataclass(frozen=True)
class FieldCounts:
    """How often a field fell in each class; `unread` counts null fields of unreadable outputs."""

    tp: int
    fd: int
    fa: int
    fn: int
    tn: int
    unread: int

    @property
    def f1(self) -> float | None:
        """F1 of the field; None if no target has a value in it."""
        return f1((self.tp, self.fd, self.fa, self.fn)) if self.tp + self.fd + self.fn else None


def f1(counts: Sequence[float]) -> float:
    """Return 2TP / (2TP + 2FD + FA + FN); 1 when target and output are wholly null."""
    tp, fd, fa, fn = counts
    wanted_and_found = 2 * tp + 2 * fd + fa + fn
    return 2 * tp / wanted_and_found if wanted_and_found else 1.0


def precision(counts: Sequence[float]) -> float:
    """Return TP / (TP + FD + FA); with nothing found, 0 if anything was due, else 1."""
    tp, fd, fa, fn = counts
    found = tp + fd + fa
    return tp / found if found else float(fn == 0)


def recall(counts: Sequence[float]) -> float:
    """Return TP / (TP + FD + FN); 1 when nothing was due."""
    tp, fd, _, fn = counts
    due = tp + fd + fn
    return tp / due if due else 1.0


def macro_f1(counts: Sequence[float]) -> float:
    """Return the mean F1 of the fields with a target value; `counts` holds four a field."""
    fields = [counts[i : i + 4] for i in range(0, len(counts), 4)]
    due = [f1(field) for field in fields if field[0] + field[1] + field[3]]
    return sum(due) / len(due) if due else float(not any(counts))


def _share(sums: Sequence[float]) -> float:
    right, fields = sums
    return right / fields if fields else 1.0


_METRICS = (
    Metric(
        "micro_f1",
        "ratio",
        higher_is_better=True,
        title="field F1",
        explanation="F1 over all fields of all records; rightly null fields earn nothing.",
        aggregate=f1,
    ),
    Metric(
        "record_exact",
        "binary",
        higher_is_better=True,
        title="wholly right records",
        explanation="Share of records with every field right and no further key.",
    ),
    Metric(
        "precision",
        "ratio",
        higher_is_better=True,
        title="precision",
        explanation="Share of the values found that are right.",
        aggregate=precision,
    ),
    Metric(
        "recall",
        "ratio",
        higher_is_better=True,
        title="recall",
        explanation="Share of the values due that were found and are right.",
        aggregate=recall,
    ),
    Metric(
        "macro_f1",
        "ratio",
        higher_is_better=True,
        title="mean F1 of the fields",
        explanation="F1 of every field that has target values, averaged over fields.",
        aggregate=macro_f1,
    ),
    Metric(
        "valid_strict",
        "binary",
        higher_is_better=True,
        title="pure JSON",
        explanation="Share of outputs that are one JSON object and nothing else.",
    ),
    Metric(
        "valid_any",
        "binary",
        higher_is_better=True,
        title="readable JSON",
        explanation="Share of outputs in which a JSON object was found, also in a fence or text.",
    ),
    Metric(
        "field_accuracy_incl_null",
        "ratio",
        higher_is_better=True,
        title="field accuracy, nulls counted as right",
        explanation="Only to be read beside the all-null baseline, which it flatters as well.",
        aggregate=_share,
    ),
    TRUNCATED,
)


class Extraction:
    """Scores JSON records against target records."""

    signature: str
    metrics: tuple[Metric, ...] = _METRICS
    primary = "micro_f1"

    def __init__(self, options: ScorerOptions) -> None:
        self.fields = dict(options.fields) or derive_fields(options.train_targets)
        self.day_first = options.day_first
        if unknown := sorted(set(self.fields.values()) - set(KINDS)):
            raise MlxrError(
                f"There is no kind of field called {unknown[0]!r}.",
                f"Kinds under [compare.fields]: {', '.join(KINDS)}.",
            )
        if not self.fields:
            raise MlxrError(
                "No field to compare: no training target is a JSON object with a key.",
                'Name the fields under [compare.fields], as date = "date".',
            )
        kinds = ",".join(f"{field}={kind}" for field, kind in sorted(self.fields.items()))
        self.signature = (
            "mlxr.extraction/1|parse:strict,fenced,pyliteral,embedded"
            "|null:missing,null,empty,none,n/a|eq:nfkc+casefold+ws+outer-punctuation"
            f"|dates:{'day' if self.day_first else 'month'}-first|fields:{kinds}"
        )

    def score(self, sample: Sample, output: Output) -> Score:
        """Return the score of one output; without any value if the target cannot be read."""
        target = read_json(sample.target).value
        if target is None:
            return Score({}, parse="fail", errors=("target_unreadable",))
        failed = output.finish == "error"
        parsed = Parsed("fail", problem="no output") if failed else read_json(output.text)
        readable = parsed.level != "fail"
        classes = {field: self._classify(field, target, parsed) for field in self.fields}
        extra = _extra(parsed.value or {}, self.fields)
        flags = find_flags(sample, output, structured=True, readable=readable)
        silent = (
            readable and not extra and not any(c in {"TP", "FD", "FA"} for c in classes.values())
        )
        if silent and "FN" in classes.values():
            flags += ("all_null",)
        return Score(
            _values(classes, extra, parsed) | {"truncated": float(output.finish == "length")},
            answer=parsed.value,
            parse=parsed.level,
            errors=("generation_failed",) if failed else () if readable else ("unreadable",),
            flags=flags,
            detail={"classes": classes, "extra": extra, "problem": parsed.problem},
        )

    def check(self, sample: Sample) -> str | None:
        """Return why a target cannot be scored against, or None."""
        parsed = read_json(sample.target)
        if parsed.level == "fail":
            return parsed.problem.replace("the output", "the target")
        if extra := _extra(parsed.value, self.fields):
            return f"the target has a value for {extra[0]!r}, which is not among the fields"
        return None

    def baselines(self, train_targets: Sequence[str]) -> Mapping[str, Baseline]:
        """Return a record of nulls, and one of each field's commonest training value."""
        records = [record for text in train_targets if (record := read_json(text).value)]
        nulls: dict[str, Any] = dict.fromkeys(self.fields)
        found = {"all_null": constant(json.dumps(nulls))}
        if records:
            majority = {field: _commonest(r.get(field) for r in records) for field in self.fields}
            found["majority"] = constant(json.dumps(majority, ensure_ascii=False))
        return found

    def _classify(self, field: str, target: Mapping[str, object], parsed: Parsed) -> str:
        due = target.get(field)
        if parsed.level == "fail":
            return UNREAD if is_null(due) else "FN"
        found = parsed.value.get(field)
        if is_null(due):
            return "TN" if is_null(found) else "FA"
        if is_null(found):
            return "FN"
        return "TP" if KINDS[self.fields[field]](due, found, self.day_first) else "FD"


def derive_fields(targets: Iterable[str]) -> dict[str, str]:
    """Return the keys of the target records, in order: kind set where a value is a list."""
    fields: dict[str, str] = {}
    for text in targets:
        for key, value in (read_json(text).value or {}).items():
            if isinstance(value, list) or key not in fields:
                fields[key] = "set" if isinstance(value, list) else "text"
    return fields


def field_table(scores: Iterable[Score]) -> dict[str, FieldCounts]:
    """Return, by field, the counts of its classes over the scores of one arm."""
    counts: dict[str, Counter[str]] = {}
    for score in scores:
        classes = score.detail.get("classes")
        for field, kind in classes.items() if isinstance(classes, Mapping) else ():
            counts.setdefault(field, Counter())[kind] += 1
    names = ("TP", "FD", "FA", "FN", "TN", UNREAD)
    return {field: FieldCounts(*(c[name] for name in names)) for field, c in counts.items()}


def _values(classes: Mapping[str, str], extra: Sequence[str], parsed: Parsed) -> dict[str, Value]:
    count = Counter(classes.values())
    micro = tuple(map(float, (count["TP"], count["FD"], count["FA"] + len(extra), count["FN"])))
    right = count["TP"] + count["TN"]
    every = len(classes) + len(extra)
    by_field = (float(c == name) for c in classes.values() for name in ("TP", "FD", "FA", "FN"))
    return {
        "micro_f1": micro,
        "record_exact": float(right == every),
        "precision": micro,
        "recall": micro,
        "macro_f1": tuple(by_field),
        "valid_strict": float(parsed.level == "strict"),
        "valid_any": float(parsed.level != "fail"),
        "field_accuracy_incl_null": (float(right), float(every)),
    }


def _extra(record: Mapping[str, object], fields: Mapping[str, str]) -> list[str]:
    """Return the keys with a value that are not among the fields."""
    return [key for key, value in record.items() if key not in fields and not is_null(value)]


def _commonest(values: Iterable[object]) -> object:
    """Return the commonest value, null being one; the first seen of equals."""
    seen: dict[object, object] = {}
    count: Counter[object] = Counter()
    for value in values:
        key = None if is_null(value) else canonical(value)
        seen.setdefault(key, None if key is None else value)
        count[key] += 1
    return seen[count.most_common(1)[0][0]]
