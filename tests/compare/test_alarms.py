"""Alarms: each fires on its own evidence, at its threshold, and says what to do next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compare.makers import names, output, sample
from mlxr.compare.alarms import Alarm, Evidence, find_alarms, scaffolding
from mlxr.compare.sample import Output, Sample
from mlxr.compare.scorers import ScorerOptions
from mlxr.compare.scorers.extraction import Extraction
from mlxr.compare.scorers.text import Text

RECORD = Extraction(ScorerOptions({"a": "text", "b": "text"}))
TEXT = Text(ScorerOptions())
SILENT = '{"a": null, "b": null}'


def record(i: int) -> str:
    return json.dumps({"a": f"one {i}", "b": f"two {i}"})


def samples(n: int, target: str | None = None) -> list[Sample]:
    return [
        sample(record(i) if target is None else target, name, prompt=f"Question {i}")
        for i, name in enumerate(names(n))
    ]


def evidence(
    cases: list[Sample], base: list[Output], tuned: list[Output], scorer: Any = RECORD, **more: Any
) -> Evidence:
    scores = [
        [scorer.score(s, o) for s, o in zip(cases, arm, strict=True)] for arm in (base, tuned)
    ]
    return Evidence(cases, base, tuned, scores[0], scores[1], scorer.metrics, **more)


def written(texts: list[str], nll: float | None = None) -> list[Output]:
    return [output(text, nll=nll) for text in texts]


def codes(found: Evidence) -> list[str]:
    return [alarm.code for alarm in find_alarms(found)]


def alarm(found: Evidence, code: str) -> Alarm:
    return next(alarm for alarm in find_alarms(found) if alarm.code == code)


def right(n: int, nll: float | None = None) -> list[Output]:
    return written([record(i) for i in range(n)], nll)


def wrong(n: int) -> list[Output]:
    return written([f"no answer to {i}" for i in range(n)])


def test_a_healthy_comparison_raises_no_alarm() -> None:
    assert codes(evidence(samples(30), wrong(30), right(30))) == []


def test_no_samples_raise_no_alarm() -> None:
    assert codes(evidence([], [], [])) == []


def test_half_the_records_null_is_a_collapse() -> None:
    cases = samples(12)
    for silent, fires in ((6, True), (5, False)):
        tuned = written([SILENT] * silent) + right(12)[silent:]
        found = evidence(cases, wrong(12), tuned)
        assert ("NULL_COLLAPSE" in codes(found)) == fires
    found = evidence(cases, wrong(12), written([SILENT] * 6) + right(12)[6:])
    raised = alarm(found, "NULL_COLLAPSE")
    assert raised.level == "red"
    assert raised.sample_ids == tuple(names(6))
    assert raised.message.startswith(
        "6 of 12 tuned outputs are records of nothing but nulls although the target has values "
        "(base: 0 of 12). "
    )


def test_readable_records_that_find_nothing_are_a_collapse() -> None:
    cases = samples(12)
    tuned = written([f'{{"a": "other {i}"}}' for i in range(12)])
    found = evidence(cases, wrong(12), tuned)
    assert codes(found) == ["NULL_COLLAPSE"]
    said = "100 % of the tuned outputs are readable, yet only 0.0 % of the values were found"
    assert said in alarm(found, codes(found)[0]).message


@pytest.mark.parametrize(("n", "silent", "fires"), [(20, 5, True), (19, 5, False), (30, 5, False)])
def test_a_rise_of_20_points_needs_20_samples(n: int, silent: int, fires: bool) -> None:
    tuned = written([SILENT] * silent) + right(n)[silent:]
    assert ("NULL_COLLAPSE" in codes(evidence(samples(n), right(n), tuned))) == fires


def test_nulls_that_base_wrote_as_well_are_no_rise() -> None:
    arm = written([SILENT] * 8) + right(20)[8:]
    other = written([SILENT] * 8) + wrong(20)[8:]
    assert "NULL_COLLAPSE" not in codes(evidence(samples(20), arm, other))


def test_one_answer_to_prompts_that_want_others() -> None:
    cases = samples(12)
    tuned = written([record(99), '{"b": "two 99", "a": "one 99"}'] * 3) + right(12)[6:]
    found = evidence(cases, wrong(12), tuned)
    assert alarm(found, "CONSTANT_OUTPUT").sample_ids == tuple(names(6))
    fewer = written([record(99)] * 5) + right(12)[5:]
    assert "CONSTANT_OUTPUT" not in codes(evidence(cases, wrong(12), fewer))


def test_a_right_answer_may_be_common() -> None:
    cases = samples(16, "yes") + [sample("no", f"n{i}", f"Other {i}") for i in range(12)]
    good = written(["Yes."] * 16 + ["no"] * 12)
    assert codes(evidence(cases, wrong(28), good, TEXT)) == []
    always = written(["yes"] * 28)
    raised = alarm(evidence(cases, wrong(28), always, TEXT), "CONSTANT_OUTPUT")
    assert raised.sample_ids == tuple(f"n{i}" for i in range(12))
    assert "12 of 12 different prompts" in raised.message


def test_a_repeated_prompt_counts_once() -> None:
    cases = [sample(record(i), name, "The same question") for i, name in enumerate(names(12))]
    assert "CONSTANT_OUTPUT" not in codes(evidence(cases, wrong(12), written([record(99)] * 12)))


def test_outputs_that_failed_are_no_constant() -> None:
    failed = [output("", "error")] * 12
    assert codes(evidence(samples(12), right(12), failed)) == []


@pytest.mark.parametrize(("base", "tuned", "fires"), [(0, 8, True), (0, 7, False), (8, 8, False)])
def test_running_into_the_limit_more_than_base(base: int, tuned: int, fires: bool) -> None:
    def arm(cut: int, text: str) -> list[Output]:
        return [output(f"{text} {i}", "length" if i < cut else "stop") for i in range(40)]

    found = evidence(samples(40, "x"), arm(base, "one"), arm(tuned, "two"), TEXT)
    assert ("NEVER_STOPS" in codes(found)) == fires
    if fires:
        raised = alarm(found, "NEVER_STOPS")
        assert raised.message.startswith("8 of 40 tuned outputs ran into the token limit")
        assert raised.sample_ids == tuple(names(8))


def test_equal_outputs_and_losses_mean_no_effect() -> None:
    cases = samples(12)
    found = evidence(cases, right(12, 2.0), right(12, 2.0 + 1e-7))
    assert codes(found) == ["ADAPTER_NO_EFFECT"]
    assert "the same loss on every target" in alarm(found, "ADAPTER_NO_EFFECT").message
    assert codes(evidence(cases, right(12, 2.0), right(12, 2.1))) == []
    assert codes(evidence(cases, right(12), [*right(11), output("{}")])) == []


def test_losses_that_were_not_measured_are_said_to_be() -> None:
    found = evidence(samples(12), right(12, None), right(12, 2.0))
    assert "their losses were not measured" in alarm(found, "ADAPTER_NO_EFFECT").message


def test_prompts_must_be_the_same() -> None:
    cases, base, tuned = samples(12), wrong(12), right(12)
    hashes = names(12)
    other = [*hashes[:11], "x"]
    same = evidence(cases, base, tuned, base_prompts=hashes, tuned_prompts=hashes)
    assert codes(same) == []
    found = evidence(cases, base, tuned, base_prompts=hashes, tuned_prompts=other)
    assert alarm(found, "ARM_MISMATCH").sample_ids == ("s011",)
    short = evidence(cases, base, tuned, base_prompts=hashes, tuned_prompts=hashes[:11])
    assert "12 of 12 samples" in alarm(short, "ARM_MISMATCH").message


def test_a_loss_near_zero_without_a_gain_is_a_mirage() -> None:
    primary = RECORD.metrics[0]
    cases = samples(12)
    some = right(12)[:6] + wrong(12)[6:]

    def raised(loss: float | None, baseline: float | None) -> list[Alarm]:
        found = evidence(
            cases, wrong(12), some, train_loss=loss, primary=primary, baseline=baseline
        )
        return [a for a in find_alarms(found) if a.code == "LOSS_MIRAGE"]

    assert [a.level for a in raised(0.04, 0.9)] == ["yellow"]
    assert "0.040 nats per token, yet field F1 is 66.7 %" in raised(0.04, 0.9)[0].message
    assert "no better than a trivial answer (90.0 %)" in raised(0.04, 0.9)[0].message
    assert raised(0.05, 0.9) == raised(0.04, 0.5) == raised(None, 0.9) == raised(0.04, None) == []


def test_scaffolding_is_what_is_no_value() -> None:
    assert scaffolding(['{"a": "xy", "b": null}']) == pytest.approx(1 - 2 / 22)
    assert scaffolding(["plain text"]) is None


def test_every_message_ends_with_something_to_do() -> None:
    cases = samples(40)
    hashes = names(40)
    silent = [output(SILENT, "length")] * 40
    found = evidence(
        cases, right(40), silent, base_prompts=hashes, tuned_prompts=[*hashes[1:], "x"]
    )
    raised = find_alarms(found)
    assert [a.code for a in raised] == [
        "ARM_MISMATCH", "NULL_COLLAPSE", "CONSTANT_OUTPUT", "NEVER_STOPS",
    ]  # fmt: skip
    assert all(a.message.endswith(".") and len(a.message) > 80 for a in raised)
