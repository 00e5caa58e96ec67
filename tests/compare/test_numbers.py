"""compare.json: it has the form that its schema promises, and its numbers are its samples'."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from compare.pages import compared, records, texts
from compare.recompute import differences
from mlxr.compare.document import SCHEMA
from mlxr.compare.judge import Judgement
from mlxr.compare.report.write import write
from mlxr.compare.sample import Sample
from mlxr.compare.scorers import SCORERS
from mlxr.files import read_json, write_json

Made = tuple[dict[str, Any], Judgement]
CONTRACT: dict[str, Any] = json.loads(
    files("mlxr.compare").joinpath("schema.json").read_text(encoding="utf-8")
)


def calls() -> Made:
    tool = {"name": "area", "parameters": {"base": {"type": "int"}, "unit": {"type": "str"}}}
    rng = random.Random(3)
    due = [[{"name": "area", "arguments": {"base": i, "unit": "m"}}] * (i % 2 + 1)
           for i in range(60)]  # fmt: skip
    samples = [Sample(f"s{i}", f"p{i}", json.dumps(d), tools=(tool,)) for i, d in enumerate(due)]
    arms = [
        [json.dumps(d if rng.random() < share else d[:1]) if rng.random() < 0.9 else "no"
         for d in due]
        for share in (0.3, 0.8)
    ]  # fmt: skip
    base, tuned = arms
    return compared(samples, base, tuned, task="tools")


def summaries() -> Made:
    rng = random.Random(4)
    words = "the cat sat on a mat and ate 12 fish in 3 bowls by night".split()
    sources = [" ".join(rng.choices(words, k=40)) for _ in range(30)]
    samples = [Sample(f"s{i}", text, text[:80], source=text) for i, text in enumerate(sources)]
    arms = [[" ".join(rng.choices(words, k=12)) + text[:cut] for text in sources]
            for cut in (10, 60)]  # fmt: skip
    base, tuned = arms
    return compared(samples, base, tuned, task="summary")


def preferences() -> Made:
    rng = random.Random(5)
    samples = [Sample(f"s{i}", f"p{i}", f"t{i}", str(i % 3 > 0).lower()) for i in range(60)]
    arm = [f"a{i}" for i in range(60)]
    return compared(
        samples, arm, [f"b{i}" for i in range(60)], task="preference",
        tuned_nll=[rng.random() + (s.category == "false") / 2 for s in samples],
    )  # fmt: skip


def copies() -> Made:
    rng = random.Random(6)
    words = "warm wool for long cold nights by the sea and a lamp that never sleeps".split()
    targets = [" ".join(rng.choices(words, k=18)) for _ in range(40)]
    samples = [Sample(f"s{i}", f"p{i}", text, "wool" if i % 3 else "lamps")
               for i, text in enumerate(targets)]  # fmt: skip
    arms = [[text[:cut] + " ".join(rng.choices(words, k=9)) for text in targets]
            for cut in (5, 50)]  # fmt: skip
    base, tuned = arms
    return compared(samples, base, tuned, task="copy", tuned_nll=[rng.random() for _ in samples])


def unscored() -> Made:
    samples = [Sample(f"s{i}", f"p{i}", "{}" if i else "no record") for i in range(12)]
    return compared(samples, ["{}"] * 12, ["{}"] * 12, task="extraction", fields={"a": "text"})


MADE: dict[str, Callable[[], Made]] = {
    "records": lambda: records(120, ("Ada", "Bo", "Cy")),
    "texts": lambda: texts(60),
    "few": lambda: texts(3),
    "calls": calls,
    "copies": copies,
    "summaries": summaries,
    "preferences": preferences,
    "unscored": unscored,
}


def test_every_task_is_recomputed() -> None:
    tasks = {MADE[name]()[1].signature.split("/")[0].removeprefix("mlxr.") for name in MADE}
    assert tasks == set(SCORERS)


@pytest.mark.parametrize("name", MADE)
def test_the_numbers_are_those_of_the_samples_and_the_form_is_kept(name: str) -> None:
    document, judgement = MADE[name]()
    write(Path(), document, judgement)
    assert differences(Path()) == []
    written = read_json(Path("compare.json"))
    found = Draft202012Validator(CONTRACT).iter_errors(written)
    assert [f"{error.json_path}: {error.message}" for error in found] == []


def test_the_schema_is_one_and_of_this_version() -> None:
    Draft202012Validator.check_schema(CONTRACT)
    assert CONTRACT["properties"]["schema"]["const"] == SCHEMA
    assert Draft202012Validator(CONTRACT).is_valid({"schema": SCHEMA}) is False


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d["metrics"][0]["base"].update(value=0.5),
        lambda d: d["metrics"][1]["paired"].update(broken=99),
        lambda d: d["metrics"][1]["delta"]["ci95"].reverse(),
        lambda d: d["metrics"][1]["delta"].update(p=0.5),
        lambda d: d["metrics"][1]["delta"].update(p_holm=1e-9),
        lambda d: d["metrics"][1]["tuned"]["ci95"].reverse(),
        lambda d: d["fields"]["city"]["tuned"].update(tp=0),
        lambda d: d["slices"][0].update(tuned=0.5),
        lambda d: d["errors"]["base"].clear(),
        lambda d: d["data"].update(n=1),
    ],
)
def test_a_report_that_says_something_else_is_found_out(spoil: Any) -> None:
    document, judgement = records(60, ("Ada", "Bo"))
    write(Path(), document, judgement)
    spoil(document)
    write_json(Path("compare.json"), document)
    assert differences(Path()) != []
