"""What went wrong in the projects that the recipes replace: on the twins, mlxr names each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL, Ran
from mlxr.compare.sample import Output, Sample
from mlxr.compare.scorers import SCORERS, ScorerOptions
from mlxr.files import read_jsonl
from test_recipes import DEMO, RECIPES, iterations, twin

Run = Callable[..., Ran]
EVENTS = DEMO / "calendar"


def prepared(mlxr: Run, workspace: Path, name: str, *given: str) -> dict[str, dict[str, Any]]:
    """Prepare a twin and return its findings by code; a stop is fine, if it says which."""
    ran = mlxr("prep", twin(name), *(part for each in given for part in ("--set", each)))
    folder = workspace / "data" / f"demo-{name}"
    file = folder / ("audit.json" if ran.code == 0 else "audit-failed.json")
    findings = json.loads(file.read_text())["findings"]
    for each in findings:
        assert ran.code == 0 or each["level"] != "error" or each["code"] in ran.err
    return {each["code"]: each for each in findings}


def events(folder: Path, **files: list[dict[str, Any]]) -> Path:
    """Write the demo's events with some splits replaced, and return the folder."""
    shutil.copytree(EVENTS, folder)
    for split, rows in files.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text)
    return folder


def test_targets_that_name_people_who_are_not_in_the_text(mlxr: Run, tmp_path: Path) -> None:
    rows = list(read_jsonl(EVENTS / "train.jsonl"))
    for number, row in enumerate(rows):
        if row["output"]["attendees"]:
            row["output"]["attendees"] = [f"Stranger{number}"]
    folder = events(tmp_path / "calendar", train=rows)
    found = prepared(mlxr, tmp_path, "calendar", f"data.source={folder}")["ungrounded-target"]
    assert "occur nowhere in the prompt" in found["message"]
    assert "attendees" in found["message"]


def test_a_prompt_at_inference_that_differs_from_training(mlxr: Run, tmp_path: Path) -> None:
    template = (MODEL / "chat_template.jinja").read_text()
    asking = '{% if messages[-1].role == "user" %}Be brief. {% endif %}'
    (tmp_path / "chat.jinja").write_text(asking + template)
    given = f"chat_template={tmp_path / 'chat.jinja'}"
    found = prepared(mlxr, tmp_path, "function-calling", given)["prompt-not-prefix"]
    assert found["level"] == "error"
    assert "training and inference would differ" in found["message"]


def test_a_loss_that_is_no_number(mlxr: Run, tmp_path: Path) -> None:
    assert mlxr("prep", twin("copywriting")).code == 0
    given = [*iterations(12, tmp_path, twin("copywriting")), "--set", "train.learning_rate=1e30"]
    given += ["--set", "train.max_grad_norm=1e30", "--set", "train.lr_schedule.warmup=0"]
    ran = mlxr("train", twin("copywriting"), *given)
    assert ran.code == 1
    assert "finite" in ran.err
    record = json.loads((tmp_path / "adapters/demo-copywriting/0001/run.json").read_text())
    assert record["status"] == "nonfinite"


def test_answers_inside_the_prompts(mlxr: Run, tmp_path: Path) -> None:
    template = (RECIPES / "templates" / "function_calling.jinja").read_text()
    leaking = tmp_path / "leaking.jinja"
    leaking.write_text(template.replace("{{ query }}", "{{ query }} {{ answers }}"))
    found = prepared(mlxr, tmp_path, "function-calling", f"data.template={leaking}")
    assert found["answer-in-prompt"]["level"] == "error"
    assert "copying it would score full marks" in found["answer-in-prompt"]["message"]


def test_outputs_that_the_token_limit_cuts(mlxr: Run, tmp_path: Path) -> None:
    recipe = twin("copywriting")
    given = ["--set", "compare.max_tokens=3", "--set", "compare.limit=20"]
    assert mlxr("prep", recipe, *given).code == 0
    assert mlxr("train", recipe, *given, *iterations(2, tmp_path, recipe)).code == 0
    ran = mlxr("compare", "--json")
    metrics = {each["name"]: each for each in json.loads(ran.out)["metrics"]}
    assert metrics["truncated"]["tuned"]["value"] > 0.9


def test_an_exact_match_that_counts_nulls() -> None:
    rows = list(read_jsonl(EVENTS / "test.jsonl"))
    targets = [json.dumps(row["output"]) for row in rows]
    scorer = SCORERS["extraction"](ScorerOptions(train_targets=tuple(targets)))
    nothing = json.dumps(dict.fromkeys(rows[0]["output"]))
    output = Output(nothing, 40, "stop", None, 40, 160, 60, None)
    scores = [
        scorer.score(Sample(str(n), row["event_text"], target), output)
        for n, (row, target) in enumerate(zip(rows, targets, strict=True))
    ]
    assert all(score.values["record_exact"] == 0 for score in scores)
    assert all("all_null" in score.flags for score in scores)
    metrics = {metric.name: metric for metric in scorer.metrics}
    credit = {}
    for name in ("micro_f1", "field_accuracy_incl_null"):
        aggregate = metrics[name].aggregate
        assert aggregate
        credit[name] = aggregate(_sums([score.values[name] for score in scores]))
    assert credit["micro_f1"] == 0
    assert credit["field_accuracy_incl_null"] > 0.4


def _sums(values: list[Any]) -> list[float]:
    return [sum(parts) for parts in zip(*values, strict=True)]


def test_undesirable_rows_about_to_be_imitated(mlxr: Run, tmp_path: Path) -> None:
    found = prepared(mlxr, tmp_path, "chat", "data.undesirable=train")["undesirable-in-train"]
    assert "training would imitate it" in found["message"]
    assert found["counts"]["train"] > 100


def test_undesirable_rows_are_kept_from_training(mlxr: Run, tmp_path: Path) -> None:
    assert "undesirable-in-train" not in prepared(mlxr, tmp_path, "chat")
    labels = {}
    for split in ("train", "valid", "test"):
        records = read_jsonl(tmp_path / "data" / "demo-chat" / f"{split}.jsonl")
        labels[split] = {record["mlxr"]["category"] for record in records}
    assert labels == {"train": {"true"}, "valid": {"true"}, "test": {"true", "false"}}


@pytest.mark.parametrize("split", ["valid", "test"])
def test_train_and_another_split_that_are_the_same(mlxr: Run, tmp_path: Path, split: str) -> None:
    rows = list(read_jsonl(EVENTS / "train.jsonl"))[:40]
    folder = events(tmp_path / "calendar", **{split: rows})
    found = prepared(mlxr, tmp_path, "calendar", f"data.source={folder}")["split-overlap"]
    assert "share their prompt with another row" in found["message"]
