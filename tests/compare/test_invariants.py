"""What must hold for every scorer: SCORING 8.6, numbers 1 to 7."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from compare.makers import CALENDAR, GOLDEN, names, output, sample
from mlxr.compare.alarms import Evidence, find_alarms
from mlxr.compare.sample import Output, Sample, Score
from mlxr.compare.scorers import SCORERS, Scorer, ScorerOptions
from mlxr.compare.statistics import Paired, compare_metric
from mlxr.compare.verdict import decide

SCORER: dict[str, Scorer] = {name: make(ScorerOptions(CALENDAR)) for name, make in SCORERS.items()}
UNMEASURED = {metric.name for metric in SCORER["preference"].metrics} - {"truncated"}
OPTIONAL = {"bits_per_byte", "nll_per_token", "no_call_ok", "args_valid", "rouge2"} | UNMEASURED
"""Not perfect for the target itself: unmeasured, not due, or 0 for a single word (ROUGE-2)."""
WORDS = st.text("abcxyz é,.", min_size=1, max_size=12).filter(lambda t: t.strip(" ,."))
RECORDS = st.fixed_dictionaries(
    {
        field: st.none() | (st.lists(WORDS, min_size=1, max_size=3) if kind == "set" else WORDS)
        for field, kind in CALENDAR.items()
    }
)
TOOLS = (
    {"name": "area", "parameters": {"base": {"type": "int"}, "unit": {"type": "str, optional"}}},
    {"name": "find", "parameters": {"what": {"type": "str", "default": "it"}}},
)
ARGUMENTS = st.fixed_dictionaries(
    {}, optional={"base": st.integers(0, 2), "unit": WORDS, "what": WORDS, "z": st.none()}
)
CALLS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from(["area", "find"]), "arguments": ARGUMENTS}),
    max_size=3,
)
PROSE = st.lists(st.sampled_from("the cat sat on mats of 12 and 3.5 dogs".split()), min_size=1)
SENTENCES = PROSE.map(" ".join)
TARGETS = {
    "copy": SENTENCES,
    "extraction": RECORDS.map(json.dumps),
    "preference": WORDS,
    "summary": SENTENCES,
    "text": WORDS,
    "tools": CALLS.map(json.dumps),
}
STRUCTURED = {"extraction": RECORDS, "tools": CALLS}
CHATTER = st.text(
    st.characters(exclude_characters='{}[]`"', exclude_categories=["Cs"]), max_size=30
)
CONTENT = {
    "extraction": ("micro_f1", "record_exact", "precision", "recall", "macro_f1", "valid_any"),
    "tools": ("call_exact", "names_exact", "call_f1", "args_valid", "valid_any"),
}


def due(task: str, target: str, name: str = "s1") -> Sample:
    """A sample of any task: labelled, with tools on offer and a text that holds the answer."""
    category = {"preference": "true" if name < "s004" else "false"}.get(task)
    return replace(
        sample(target, name), category=category, source=f"{target} and more", tools=TOOLS
    )


few = settings(  # ten thousand draws a case: too slow to shrink
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@st.composite
def arms(draw: st.DrawFn) -> tuple[str, list[Sample], list[Output], list[Output]]:
    """A task, its samples, and the outputs of two arms, some right, some wrong, some broken."""
    task = draw(st.sampled_from(sorted(SCORER)))
    targets = draw(st.lists(TARGETS[task], min_size=1, max_size=8))
    samples = [due(task, target, name) for target, name in zip(targets, names(9), strict=False)]

    def wrote(asked: Sample) -> Output:
        text = draw(st.just(asked.target) | TARGETS[task] | CHATTER)
        finish: Any = draw(st.sampled_from(["stop", "stop", "length", "error"]))
        return output(text, finish, nll=draw(st.none() | st.floats(0, 50)))

    return task, samples, [wrote(s) for s in samples], [wrote(s) for s in samples]


def scores(
    task: str, samples: list[Sample], outputs: list[Output], base: list[Output] | None = None
) -> list[Score]:
    """Score an arm; rewards are measured against `base`, as a comparison does."""
    pairs = zip(samples, outputs, base or outputs, strict=True)
    return [SCORER[task].score(s, replace(o, base_nll=b.nll)) for s, o, b in pairs]


def compared(
    task: str, samples: list[Sample], base: list[Output], tuned: list[Output]
) -> dict[str, Paired | None]:
    both = scores(task, samples, base), scores(task, samples, tuned, base)
    ids = [s.id for s in samples]
    return {m.name: compare_metric(m, *both, ids, 7) for m in SCORER[task].metrics}


@pytest.mark.parametrize("task", sorted(SCORER))
@given(data=st.data())
@settings(deadline=None)  # the first call imports a package
def test_1_a_target_against_itself_is_perfect(task: str, data: st.DataObject) -> None:
    target = data.draw(TARGETS[task])
    scorer = SCORER[task]
    asked = due(task, target)
    assert scorer.check(asked) is None
    score = scorer.score(asked, output(target))
    for metric in scorer.metrics:
        if metric.name not in OPTIONAL and not metric.descriptive:
            best = 1 if metric.higher_is_better else 0
            assert metric.of(score.values[metric.name]) == pytest.approx(best), metric.name
    assert not score.errors


def test_1_golden_targets_against_themselves_are_perfect() -> None:
    for case in GOLDEN["extraction"]:
        target = json.dumps(case["gold"])
        assert SCORER["extraction"].score(sample(target), output(target)).values["record_exact"]


@given(arms())
@few
def test_2_swapping_the_arms_mirrors_everything(
    case: tuple[str, list[Sample], list[Output], list[Output]],
) -> None:
    task, samples, base, tuned = case
    there, back = compared(task, samples, base, tuned), compared(task, samples, tuned, base)
    for name, one in there.items():
        other = back[name]
        assert (one is None) == (other is None)
        if one is None or other is None:
            continue
        if name.startswith("label_auroc"):  # rewards are against base: swapped, they turn round
            assert one.delta == pytest.approx(-other.delta)
            assert one.p == pytest.approx(other.p)
            continue
        assert one.delta == -other.delta
        assert (one.base, one.tuned, one.p, one.se) == (other.tuned, other.base, other.p, other.se)
        assert (one.fixed, one.broken) == (other.broken, other.fixed)
        assert (one.both, one.neither, one.n) == (other.both, other.neither, other.n)
        if one.interval and other.interval:
            assert one.interval.low == -other.interval.high
            assert one.interval.high == -other.interval.low


@given(arms())
@few
def test_3_an_arm_against_itself_shows_no_difference(
    case: tuple[str, list[Sample], list[Output], list[Output]],
) -> None:
    task, samples, base, _ = case
    same = compared(task, samples, base, base)
    for metric in SCORER[task].metrics:
        found = same[metric.name]
        if found is None:
            continue
        assert (found.delta, found.p) == (0.0, 1.0)
        assert not found.fixed
        assert not found.broken
        assert decide(metric, found).code not in {"IMPROVED", "REGRESSED"}
    twice = scores(task, samples, base)
    if any(o.finish != "error" for o in base):
        evidence = Evidence(samples, base, base, twice, twice, SCORER[task].metrics)
        assert "ADAPTER_NO_EFFECT" in {alarm.code for alarm in find_alarms(evidence)}


@given(arms(), st.randoms(use_true_random=False))
@few
def test_4_the_order_of_samples_changes_no_number(
    case: tuple[str, list[Sample], list[Output], list[Output]], random: Any
) -> None:
    task, samples, base, tuned = case
    rows = list(zip(samples, base, tuned, strict=True))
    random.shuffle(rows)
    mixed = [list(column) for column in zip(*rows, strict=True)]
    assert compared(task, *mixed) == compared(task, samples, base, tuned)


@pytest.mark.parametrize("task", sorted(STRUCTURED))
@given(
    data=st.data(),
    before=CHATTER,
    after=CHATTER,
    form=st.sampled_from(["{}\n{}\n{}", "{}```json\n{}\n```{}"]),
)
def test_5_chatter_and_fences_change_no_content_score(
    task: str, data: st.DataObject, before: str, after: str, form: str
) -> None:
    wanted, found = data.draw(STRUCTURED[task]), data.draw(STRUCTURED[task])
    target, text = due(task, json.dumps(wanted)), json.dumps(found)
    plain = SCORER[task].score(target, output(text))
    dressed = SCORER[task].score(target, output(form.format(before, text, after)))
    for name in CONTENT[task]:
        assert plain.values[name] == dressed.values[name], name
    assert plain.values["valid_strict"] == 1
    assert dressed.answer == plain.answer
    if form.startswith("{}`") or (before + after).strip().strip("\ufeff").strip():
        assert dressed.values["valid_strict"] == 0


@given(st.lists(RECORDS.filter(lambda r: any(r.values())), min_size=1, max_size=12))
@few
def test_6_a_record_of_nulls_scores_nothing_and_raises_the_alarm(records: Any) -> None:
    samples = [sample(json.dumps(r), name) for r, name in zip(records, names(12), strict=False)]
    silent = [output(json.dumps(dict.fromkeys(CALENDAR)))] * len(samples)
    found = scores("extraction", samples, silent)
    metrics = {m.name: m for m in SCORER["extraction"].metrics}
    for name in ("micro_f1", "precision", "recall", "macro_f1", "record_exact"):
        assert metrics[name].total([s.values[name] for s in found]) == 0, name
    right = [output(s.target) for s in samples]
    evidence = Evidence(
        samples, right, silent, scores("extraction", samples, right), found, tuple(metrics.values())
    )
    assert "NULL_COLLAPSE" in {alarm.code for alarm in find_alarms(evidence)}


@given(RECORDS, RECORDS, st.sampled_from([*CALENDAR, "title", "further"]))
def test_7_a_wrong_further_field_never_raises_a_score(wanted: Any, found: Any, field: str) -> None:
    target = sample(json.dumps(wanted))
    before = SCORER["extraction"].score(target, output(json.dumps({**found, field: None})))
    wrong = {**found, field: "0 nowhere in any target 0"}
    after = SCORER["extraction"].score(target, output(json.dumps(wrong)))
    for metric in SCORER["extraction"].metrics:
        pair = [metric.of(score.values[metric.name]) for score in (before, after)]
        assert pair[1] <= pair[0], metric.name
    if field not in CALENDAR:
        assert after.values["record_exact"] == 0


@given(CALLS, CALLS, st.booleans())
def test_7_a_wrong_further_call_never_raises_a_score(wanted: Any, found: Any, known: bool) -> None:
    """A call of an unknown tool, or a known tool beyond the number due."""
    target = due("tools", json.dumps(wanted))
    name = "find" if known and len(found) >= len(wanted) else "nowhere"
    further = [*found, {"name": name, "arguments": {"what": "0 nowhere in any target 0"}}]
    pair = [SCORER["tools"].score(target, output(json.dumps(made))) for made in (found, further)]
    for metric in SCORER["tools"].metrics:
        if metric.name in pair[0].values and not (known and metric.name == "names_exact"):
            before, after = (metric.of(score.values[metric.name]) for score in pair)
            assert after <= before, metric.name
    assert pair[1].values["call_exact"] == 0


@given(SENTENCES, SENTENCES)
def test_7_a_number_that_the_source_lacks_never_helps(wanted: str, found: str) -> None:
    metrics = {metric.name: metric for metric in SCORER["summary"].metrics}
    asked = due("summary", wanted)
    pair = [SCORER["summary"].score(asked, output(text)) for text in (found, f"{found} 98765")]
    numbers = metrics["unsupported_numbers"]
    before, after = (numbers.of(score.values["unsupported_numbers"]) for score in pair)
    assert after > before or before == 1


@pytest.mark.parametrize("task", ["copy", "summary"])
@given(data=st.data())
def test_9_no_number_is_ever_not_a_number(task: str, data: st.DataObject) -> None:
    text = data.draw(st.text() | SENTENCES)
    score = SCORER[task].score(due(task, data.draw(SENTENCES)), output(text))
    for metric in SCORER[task].metrics:
        if metric.name in score.values:
            assert math.isfinite(metric.of(score.values[metric.name])), metric.name
