"""Records: the golden cases, what nulls earn, tables by field, baselines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compare.makers import CALENDAR, GOLDEN, output, sample
from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Score
from mlxr.compare.scorers import SCORERS, ScorerOptions
from mlxr.compare.scorers.extraction import (
    Extraction,
    FieldCounts,
    derive_fields,
    f1,
    field_table,
    macro_f1,
    precision,
    recall,
)
from mlxr.errors import MlxrError

CASES = GOLDEN["extraction"]
SCORER = Extraction(ScorerOptions(CALENDAR))
METRICS: dict[str, Metric] = {metric.name: metric for metric in SCORER.metrics}
TARGET = {"action": "meet", "date": "15/12/2024", "attendees": ["Ann", "Bob"], "notes": None}


def scored(written: object, target: object = TARGET) -> Score:
    text = written if isinstance(written, str) else json.dumps(written)
    return SCORER.score(sample(json.dumps(target)), output(text))


def value(score: Score, name: str) -> float:
    return METRICS[name].of(score.values[name])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_golden_record(case: dict[str, Any]) -> None:
    expect = case["expect"]
    score = scored(case["output"], case["gold"])
    figures = {
        "P": round(value(score, "precision"), 6),
        "R": round(value(score, "recall"), 6),
        "F1": round(value(score, "micro_f1"), 6),
        "field_accuracy_with_nulls": round(value(score, "field_accuracy_incl_null"), 6),
    }
    assert {
        "parse": score.parse,
        "parse_ok": score.values["valid_any"] == 1,
        "cls": score.detail["classes"],
        "exact": score.values["record_exact"] == 1,
        "all_null": "all_null" in score.flags,
        "extra": score.detail["extra"],
        **figures,
    } == expect
    assert (score.values["valid_strict"] == 1) == (expect["parse"] == "strict")


def test_all_golden_cases_are_there() -> None:
    assert len(CASES) == 16


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((3, 1, 2, 1), (6 / 11, 3 / 6, 3 / 5)),
        ((0, 0, 0, 5), (0, 0, 0)),
        ((0, 0, 5, 0), (0, 0, 1)),
        ((0, 0, 0, 0), (1, 1, 1)),
        ((2, 1, 0, 0), (4 / 6, 2 / 3, 2 / 3)),
    ],
)
def test_f1_precision_and_recall(
    counts: tuple[float, ...], expected: tuple[float, float, float]
) -> None:
    assert (f1(counts), precision(counts), recall(counts)) == pytest.approx(expected)


def test_macro_f1_averages_the_fields_that_have_target_values() -> None:
    assert macro_f1((1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 3, 0)) == 0.5
    assert macro_f1((0, 0, 0, 0)) == 1.0
    assert macro_f1((0, 0, 1, 0)) == 0.0
    score = scored({"action": "meet", "date": "tomorrow", "attendees": ["Bob", "Ann"]})
    assert value(score, "macro_f1") == pytest.approx(2 / 3)


def test_a_false_alarm_in_a_null_field_costs_precision() -> None:
    score = scored({**TARGET, "notes": "bring a bag"})
    assert score.detail["classes"] == {
        **dict.fromkeys(CALENDAR, "TN"),
        "action": "TP",
        "date": "TP",
        "attendees": "TP",
        "notes": "FA",
    }
    assert score.values["micro_f1"] == (3.0, 0.0, 1.0, 0.0)


def test_an_unreadable_output_misses_every_value() -> None:
    score = scored("no idea")
    assert score.values["micro_f1"] == (0.0, 0.0, 0.0, 3.0)
    assert score.values["field_accuracy_incl_null"] == (0.0, 8.0)
    assert (score.parse, score.errors, score.answer) == ("fail", ("unreadable",), None)


def test_an_output_that_failed_counts_as_unreadable() -> None:
    failed = Output("{}", 0, "error", None, 3, 3, 10, None)
    score = SCORER.score(sample(json.dumps(TARGET)), failed)
    assert (score.parse, score.errors, score.flags) == ("fail", ("generation_failed",), ())
    assert score.values["record_exact"] == 0


def test_all_null_needs_a_target_with_values_and_an_output_with_none() -> None:
    assert "all_null" in scored({}).flags
    assert "all_null" in scored({"action": "N/A", "attendees": []}).flags
    assert "all_null" not in scored({}, {"action": None}).flags
    assert "all_null" not in scored({"title": "x"}).flags
    assert "all_null" not in scored({"action": "wrong"}).flags


def test_a_json_list_that_repeats_is_not_flagged_as_a_loop() -> None:
    target, repeating = sample('{"action": "meet"}'), [5] * 30
    assert SCORER.score(target, output(target.target, token_ids=repeating)).flags == ()
    assert SCORER.score(target, output("unreadable", token_ids=repeating)).flags == ("loop",)


def test_the_table_counts_classes_by_field() -> None:
    scores = [scored(TARGET), scored({}), scored({**TARGET, "date": "x", "notes": "y"}), scored("")]
    table = field_table(scores)
    assert list(table) == list(CALENDAR)
    assert table["date"] == FieldCounts(tp=1, fd=1, fa=0, fn=2, tn=0, unread=0)
    assert table["notes"] == FieldCounts(tp=0, fd=0, fa=1, fn=0, tn=2, unread=1)
    assert table["date"].f1 == pytest.approx(2 / 6)
    assert table["notes"].f1 is None


def test_fields_are_derived_from_the_training_targets() -> None:
    targets = ['{"a": null, "b": "x"}', "not JSON", '{"a": ["y"], "c": 1}', '{"a": "z"}']
    assert derive_fields(targets) == {"a": "set", "b": "text", "c": "text"}
    assert Extraction(ScorerOptions(train_targets=tuple(targets))).fields["a"] == "set"


def test_a_recipe_without_usable_fields_is_refused() -> None:
    with pytest.raises(MlxrError, match="No field to compare"):
        Extraction(ScorerOptions(train_targets=("x",)))
    with pytest.raises(MlxrError, match="no kind of field called 'colour'"):
        Extraction(ScorerOptions({"a": "colour"}))


def test_targets_are_checked_in_words() -> None:
    assert SCORER.check(sample(json.dumps(TARGET))) is None
    assert SCORER.check(sample("")) == "the target is empty"
    assert SCORER.check(sample("[]")) == "no JSON object was found"
    assert SCORER.check(sample('{"title": "x"}')) == (
        "the target has a value for 'title', which is not among the fields"
    )
    assert SCORER.score(sample("x"), output("{}")) == Score(
        {}, parse="fail", errors=("target_unreadable",)
    )


def test_baselines_are_nulls_and_the_commonest_values() -> None:
    scorer = Extraction(ScorerOptions({"a": "text", "b": "set", "c": "text"}))
    targets = [
        '{"a": "Yes", "b": ["x"]}',
        '{"a": "no", "c": "rare"}',
        '{"a": "yes.", "b": ["x"]}',
        "unreadable",
    ]
    asked = sample("{}")
    assert {name: answer(asked) for name, answer in scorer.baselines(targets).items()} == {
        "all_null": '{"a": null, "b": null, "c": null}',
        "majority": '{"a": "Yes", "b": ["x"], "c": null}',
    }
    assert set(scorer.baselines([])) == {"all_null"}


def test_the_signature_names_the_rules() -> None:
    options = ScorerOptions({"when": "date", "a": "text"}, day_first=False)
    assert SCORERS["extraction"](options).signature == (
        "mlxr.extraction/1|parse:strict,fenced,pyliteral,embedded"
        "|null:missing,null,empty,none,n/a|eq:nfkc+casefold+ws+outer-punctuation"
        "|dates:month-first|fields:a=text,when=date"
    )


def test_the_day_order_reaches_the_comparison() -> None:
    month_first = Extraction(ScorerOptions({"d": "date"}, day_first=False))
    for scorer, right in ((month_first, 1), (Extraction(ScorerOptions({"d": "date"})), 0)):
        score = scorer.score(sample('{"d": "2025-03-04"}'), output('{"d": "03/04/2025"}'))
        assert score.values["record_exact"] == right
