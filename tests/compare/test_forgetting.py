"""What tuning took away: measured beside the task, and part of the verdict where it is sure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from compare.makers import output
from compare.pages import compared
from conftest import Ran, questions
from mlxr.compare.arms import Arm, Request
from mlxr.compare.forgetting import DRIFT, FOLLOWED, GENERAL, Forgetting, measure
from mlxr.compare.outputs import Drift
from mlxr.compare.probes.probe import Probes, instructions
from mlxr.compare.sample import Output, Sample
from mlxr.files import read_json, read_jsonl

NOTHING = Request("m", False, (), 0, 8)
IDS = [f"s{i}" for i in range(40)]


def arms(bits: float, passed: int, drift: tuple[Drift, ...] = ()) -> list[Arm]:
    """An arm that needs so many nats for a byte, and obeys the first so many instructions."""
    spread = [1 + i % 5 / 10 for i in range(40)]
    general = [output("", nll=bits * 100 * s, target_bytes=100) for s in spread]
    said = [p.example if i < passed else "{}" for i, p in enumerate(instructions())]
    parts: tuple[list[Output], ...] = ([], general, [output(text) for text in said])
    return [Arm(tuple(part), 1.0, 1.0, None, drift) for part in parts]


def found(base: list[Arm], tuned: list[Arm], skipped: str = "") -> Forgetting:
    probes = Probes(NOTHING, None if skipped else NOTHING, skipped)
    return measure(probes, base, tuned, IDS, 42)


def judged(forgetting: Forgetting) -> dict[str, Any]:
    """An arm that has learnt its task, beside what it forgot."""
    samples = [Sample(name, name, name) for name in IDS]
    document, _ = compared(
        samples, ["?"] * 40, IDS, forgetting=forgetting, task="text", primary="exact"
    )
    schema = read_json(Path(__file__).parents[2] / "wrapper/mlxr/compare/schema.json")
    Draft202012Validator(schema).validate(document)
    return document


def test_the_same_model_has_forgotten_nothing() -> None:
    same = found(arms(0.7, 30), arms(0.7, 30))
    assert [r.paired.delta for r in same.results] == [0, 0]
    assert (same.alarms, same.notes, same.drift) == ((), (), None)
    assert judged(same)["verdict"]["label"] == "IMPROVED"


def test_instructions_no_longer_followed_are_a_regression() -> None:
    document = judged(found(arms(0.7, 32), arms(0.7, 4)))
    assert document["verdict"]["label"] == "IMPROVED WITH REGRESSIONS"
    assert document["verdict"]["guardrails"] == ["instructions_followed"]
    assert "simple instructions followed 80.0 % → 10.0 %" in document["verdict"]["text"]


def test_a_loss_that_is_not_sure_is_none() -> None:
    document = judged(found(arms(0.7, 32), arms(0.7, 30)))
    assert document["verdict"]["label"] == "IMPROVED"
    metric = document["forgetting"]["metrics"][1]
    assert metric["delta"]["value"] == -0.05
    assert metric["paired"] == {"fixed": 0, "broken": 2, "both": 30, "neither": 8}


def test_general_text_raises_an_alarm_beyond_two_per_cent_only() -> None:
    assert found(arms(1.0, 30), arms(1.01, 30)).alarms == ()
    [alarm] = found(arms(1.0, 30), arms(1.1, 30)).alarms
    assert (alarm.code, alarm.level) == ("GENERAL_TEXT_WORSE", "yellow")
    assert "bits per byte +10.0 % (95 % interval +9." in alarm.message
    document = judged(found(arms(1.0, 30), arms(1.1, 30)))
    assert document["verdict"]["label"] == "IMPROVED"
    assert [a["code"] for a in document["alarms"]] == ["GENERAL_TEXT_WORSE"]


@pytest.mark.parametrize(("passed", "sees"), [(0, False), (3, False), (12, True)])
def test_a_base_that_can_do_nothing_has_nothing_to_lose(passed: int, sees: bool) -> None:
    notes = found(arms(1.0, passed), arms(1.0, 0)).notes
    said = f"The base follows {passed} of 40 simple instructions: this cannot show a loss."
    assert notes == (() if sees else (said,))


def test_what_was_not_asked_is_said_and_not_counted() -> None:
    forgetting = found(arms(1.0, 9), arms(1.0, 9), "there is no chat template")
    assert forgetting.notes == (
        "The simple instructions were left out: there is no chat template.",
    )
    assert [r.metric for r in forgetting.results] == [GENERAL]
    assert (forgetting.answers, forgetting.guardrails) == ((), [])


def test_a_likelihood_that_is_no_number_leaves_its_passage_out() -> None:
    tuned = arms(1.0, 9)
    outputs = (replace(tuned[1].outputs[0], nll=None), *tuned[1].outputs[1:])
    tuned[1] = replace(tuned[1], outputs=outputs)
    result = found(arms(1.0, 9), tuned).result(GENERAL)
    assert result is not None
    assert result.paired.n == 39


def test_drift_weighs_tokens_and_not_samples() -> None:
    drift = (Drift(0, 2.0, 1), Drift(3, 1.0, 9))
    forgetting = found(arms(1.0, 9), arms(1.0, 9, drift))
    assert forgetting.drift is not None
    assert forgetting.drift.value == pytest.approx(0.3)
    assert (forgetting.drift.n, DRIFT.descriptive) == (2, True)
    assert judged(forgetting)["forgetting"]["drift"]["value"] == pytest.approx(0.3)


def test_a_real_comparison_measures_what_was_forgotten(
    mlxr: Callable[..., Ran], write_recipe: Callable[..., Path]
) -> None:
    recipe = write_recipe(questions(90), extra="[compare]\nlimit = 12\nforgetting = true\n")
    for command in ("prep", "train"):
        assert mlxr(command, recipe).code == 0
    ran = mlxr("compare", recipe)
    folder = Path("adapters/r/0001/compare")
    document = read_json(folder / "compare.json")
    forgetting = document["forgetting"]
    general, followed = forgetting["metrics"]
    assert (general["name"], general["n"]) == (GENERAL.name, 40)
    assert 1 < general["base"]["value"] < 20
    assert general["delta"]["value"] != 0
    assert (followed["name"], followed["n"]) == (FOLLOWED.name, 40)
    assert forgetting["drift"]["value"] > 0
    assert forgetting["drift"]["n"] == 12
    lines = list(read_jsonl(folder / "forgetting.jsonl"))
    assert len(lines) == 40
    for arm in ("base", "tuned"):
        assert sum(each[arm]["passed"] for each in lines) / 40 == followed[arm]["value"]
    assert forgetting["notes"] == [
        f"The base follows {sum(e['base']['passed'] for e in lines)} of 40 simple instructions: "
        "this cannot show a loss."
    ]
    assert "beside the task: loss on general text " in ran.out
    assert "Asking tuned: 40 simple instructions, answers of up to 96 tokens" in ran.err
    assert "## What was forgotten" in (folder / "report.md").read_text()
    assert "What was forgotten?" in (folder / "report.html").read_text()

    again = mlxr("compare", recipe, "--json")
    assert "Measuring" not in again.err
    assert json.loads(again.out)["forgetting"] == forgetting


def test_the_rules_behind_the_numbers_can_be_asked_for(mlxr: Callable[..., Ran]) -> None:
    for metric, word in (
        (GENERAL, "passages"),
        (FOLLOWED, "It is a guardrail"),
        (DRIFT, "never tested"),
    ):
        ran = mlxr("compare", "--explain", metric.name)
        assert ran.code == 0
        assert word in ran.out.replace("\n", " ")
        assert "Tasks: all, beside the task" in ran.out.replace("\n", " ")
