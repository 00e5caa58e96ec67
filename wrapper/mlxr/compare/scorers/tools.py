"""Calls of tools: the multiset of calls made is held against the multiset due.

Order is free, a call counts once. Two calls are equal when their names are and their arguments
say the same: an optional argument given as null or as its default says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlxr.compare.calls import Call, Calls, read_calls, written
from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Sample, Score, Value
from mlxr.compare.scorers.baseline import Baseline, constant
from mlxr.compare.scorers.bfcl import bfcl_exact
from mlxr.compare.scorers.flags import TRUNCATED, find_flags
from mlxr.compare.toolbox import Toolbox, canonical_call, faults, toolbox

if TYPE_CHECKING:
    from mlxr.compare.scorers import ScorerOptions


def call_f1(counts: Sequence[float]) -> float:
    """Return 2 · right / (made + due); 1 where no call was due and none was made."""
    right, made, due = counts
    return 2 * right / (made + due) if made + due else 1.0


def call_precision(counts: Sequence[float]) -> float:
    """Return right / made; with none made, 0 if any was due, else 1."""
    right, made, due = counts
    return right / made if made else float(not due)


def call_recall(counts: Sequence[float]) -> float:
    """Return right / due; 1 where none was due."""
    right, _, due = counts
    return right / due if due else 1.0


def _binary(name: str, title: str, explanation: str) -> Metric:
    return Metric(name, "binary", True, title, explanation)


_METRICS = (
    _binary(
        "call_exact",
        "wholly right calls",
        "Share of samples with all calls due, right in name and arguments, and no other.",
    ),
    _binary("names_exact", "right tools", "Share of samples that call the right tools as often."),
    Metric(
        "call_f1", "ratio", True, "call F1", "F1 of single calls over all samples.",
        aggregate=call_f1,
    ),
    Metric(
        "call_precision", "ratio", True, "call precision", "Share of the calls made that are due.",
        aggregate=call_precision,
    ),
    Metric(
        "call_recall", "ratio", True, "call recall", "Share of the calls due that were made.",
        aggregate=call_recall,
    ),
    _binary(
        "args_valid",
        "calls that fit their tools",
        "Share of samples in which every call made names a tool on offer, with all it requires, "
        "nothing unknown and the declared types. No call made is none that does not fit.",
    ),
    _binary(
        "no_call_ok",
        "rightly no call",
        "Of the samples where no call is due: an empty list, or words. Silence is wrong.",
    ),
    _binary("valid_strict", "pure JSON", "Share of outputs that are calls in JSON and no more."),
    _binary(
        "valid_any",
        "readable calls",
        "Share of outputs in which calls can be read, also in tags, a fence or running text.",
    ),
    _binary(
        "call_exact_bfcl",
        "wholly right calls by BFCL's rules",
        "For readers who know that scale. It takes -5 for 5 and 1.5 for 15 in texts, 10.0 not for "
        "10, and silence for a right answer where no call is due.",
    ),
    TRUNCATED,
)  # fmt: skip


class Tools:
    """Scores calls of tools against the calls due."""

    signature = (
        "mlxr.tools/1|parse:strict,fenced,pyliteral,embedded|eq:nfkc+casefold+ws+quotes"
        "|num:exact|opt:null,default-dropped|order:free"
    )
    metrics: tuple[Metric, ...] = _METRICS
    primary = "call_exact"

    def __init__(self, options: ScorerOptions) -> None:
        trained = (read_calls(text).calls for text in options.train_targets)
        self.trained = {call.name for calls in trained for call in calls}

    def score(self, sample: Sample, output: Output) -> Score:
        """Return the score of one output; without any value if the target cannot be read."""
        due = _due(sample)
        if due.level == "fail":
            return Score({}, parse="fail", errors=("target_unreadable",))
        failed = output.finish == "error"
        made = Calls("fail", problem="no output") if failed else read_calls(
            output.text, words_allowed=not due.calls
        )  # fmt: skip
        tools = toolbox(sample.tools) if sample.tools is not None else None
        readable = made.level != "fail"
        return Score(
            _values(due.calls, made, tools, output),
            answer=[{"name": c.name, "arguments": dict(c.arguments)} for c in made.calls]
            if readable
            else None,
            parse=made.level,
            errors=("generation_failed",) if failed else _errors(due.calls, made, output, tools),
            flags=find_flags(sample, output, structured=True, readable=readable),
            detail={"problem": made.problem, "due": len(due.calls), "made": len(made.calls)},
            slices=self._slices(due.calls, tools),
        )

    def check(self, sample: Sample) -> str | None:
        """Return why a target cannot be scored against, or None."""
        due = _due(sample)
        return due.problem.replace("the output", "the target") if due.level == "fail" else None

    def baselines(self, train_targets: Sequence[str]) -> Mapping[str, Baseline]:
        """Return no call at all, and a call of the first tool on offer without arguments."""
        del train_targets
        return {"no_call": constant("[]"), "first_tool": _first_tool}

    def _slices(self, due: Sequence[Call], tools: Toolbox | None) -> dict[str, str]:
        found = {"calls due": "none" if not due else "one" if len(due) == 1 else "several"}
        if tools is not None:
            offered = len(tools)
            found["tools offered"] = "1" if offered == 1 else "2–3" if offered < 4 else "4 or more"
        if due and self.trained:
            known = all(call.name in self.trained for call in due)
            found["tool in training"] = "seen" if known else "unseen"
        if due and tools is not None:
            silent = not any(canonical_call(call, tools)[1] for call in due)
            found["arguments due"] = "defaults only" if silent else "others"
        return found


def _due(sample: Sample) -> Calls:
    """The calls due; words are an answer where a conversation offered tools."""
    return read_calls(sample.target, words_allowed=sample.tools is not None)


def _first_tool(sample: Sample) -> str:
    names = list(toolbox(sample.tools or ()))[:1]
    return written([Call(name, {}) for name in names])


def _values(
    due: Sequence[Call], made: Calls, tools: Toolbox | None, output: Output
) -> dict[str, Value]:
    readable = made.level != "fail"
    expected, found = (_multiset(calls, tools or {}) for calls in (due, made.calls))
    counts = tuple(map(float, ((expected & found).total(), found.total(), expected.total())))
    exact = float(readable and expected == found)
    values: dict[str, Value] = {
        "call_exact": exact,
        "names_exact": float(readable and _names(due) == _names(made.calls)),
        "call_f1": counts,
        "call_precision": counts,
        "call_recall": counts,
        "valid_strict": float(made.level in {"strict", "no_call"}),
        "valid_any": float(readable),
        "call_exact_bfcl": float(
            output.finish != "error" and bfcl_exact(due, made.calls, readable, tools or {})
        ),
        "truncated": float(output.finish == "length"),
    }
    if tools is not None:
        fit = readable and not any(faults(call, tools) for call in made.calls)
        values["args_valid"] = float(fit)
    if not due:
        values["no_call_ok"] = exact
    return values


def _errors(
    due: Sequence[Call], made: Calls, output: Output, tools: Toolbox | None
) -> tuple[str, ...]:
    """The types of error, by BFCL's names; calls that are right have none."""
    if made.level == "fail":
        if not due and not output.text.strip():
            return ("empty",)
        return ("decoder_wrong_output_format" if made.is_json else "decoder_failed",)
    expected, found = (_multiset(calls, tools or {}) for calls in (due, made.calls))
    if expected == found:
        return ()
    wrong, missed = _left(made.calls, expected, tools or {}), _left(due, found, tools or {})
    errors = [] if len(due) == len(made.calls) else ["wrong_count"]
    names, missing = _names(wrong), _names(missed)
    if names - missing and missing - names:
        errors.append("wrong_func_name")
    for call in wrong:
        of_call = faults(call, tools) if tools is not None else []
        errors += of_call or (["value_error"] if call.name in missing else [])
    return tuple(dict.fromkeys(errors))


def _left(calls: Sequence[Call], others: Counter[object], tools: Toolbox) -> list[Call]:
    """The calls that have no equal among the others, each of which stands for one."""
    free, left = Counter(others), []
    for call in calls:
        key = canonical_call(call, tools)
        if free[key] > 0:
            free[key] -= 1
        else:
            left.append(call)
    return left


def _multiset(calls: Sequence[Call], tools: Toolbox) -> Counter[object]:
    return Counter(canonical_call(call, tools) for call in calls)


def _names(calls: Sequence[Call]) -> Counter[str]:
    return Counter(call.name for call in calls)
