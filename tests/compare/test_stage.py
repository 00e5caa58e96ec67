"""Comparing a real run with real children: what is written, and what stops it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Ran, questions
from mlxr.files import read_json, read_jsonl

Run = Callable[..., Ran]
Write = Callable[..., Path]


def trained(mlxr: Run, recipe: Path) -> Path:
    for command in ("prep", "train"):
        ran = mlxr(command, recipe)
        assert ran.code == 0, ran.err
    return Path("adapters/r/0001")


def without_clocks(document: dict[str, Any]) -> dict[str, Any]:
    arms = document["arms"].values()
    for arm in arms:
        for noise in ("generation_seconds", "tokens_per_second", "peak_memory"):
            del arm[noise]
    return document


def test_a_comparison_is_written_whole_and_repeats(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe(questions(90), iters=8, extra='[compare]\ntask = "text"\nlimit = 12\n')
    run = trained(mlxr, recipe)
    ran = mlxr("compare", recipe)
    assert ran.code in {0, 3, 4}, ran.err
    document = read_json(run / "compare/compare.json")
    samples = list(read_jsonl(run / "compare/samples.jsonl"))
    assert {p.name for p in (run / "compare").iterdir()} == {
        "base.log", "compare.json", "report.html", "report.md", "samples.jsonl", "tuned.log",
    }  # fmt: skip
    assert document["data"]["n"] == len(samples) == 12
    assert document["provenance"]["generate"] == {
        "temperature": 0, "max_tokens": 64, "batch_size": 16,
    }  # fmt: skip
    assert document["verdict"]["label"] in ran.out
    assert document["verdict"]["text"] in ran.out.replace("\n", " ")
    assert (run / "compare/report.md").read_text().startswith(f"# {document['verdict']['label']}")
    assert "NaN" not in (run / "compare/compare.json").read_text()
    _numbers_follow_from_the_samples(document, samples)

    again = mlxr("compare", "r/0001", "--json")
    assert again.code == ran.code
    assert again.err == ""
    assert without_clocks(json.loads(again.out)) == without_clocks(document)

    with (run / "events.jsonl").open("a") as stream:
        stream.write('{"event": "trai')  # a child that was killed leaves such a line
    broken = mlxr("compare", "r/0001", "--json")
    assert broken.code == ran.code, broken.err
    assert json.loads(broken.out)["loss_curve"] == document["loss_curve"]


def _numbers_follow_from_the_samples(
    document: dict[str, Any], samples: list[dict[str, Any]]
) -> None:
    """Recompute the report's numbers with nothing of mlxr."""
    metrics = {metric["name"]: metric for metric in document["metrics"]}
    assert {"nll_per_token", "exact", "truncated"} <= set(metrics)
    for arm in ("base", "tuned"):
        sides = [sample[arm] for sample in samples]
        nll = sum(s["nll"] for s in sides) / sum(s["target_tokens"] for s in sides)
        assert metrics["nll_per_token"][arm]["value"] == pytest.approx(nll, rel=1e-12)
        exact = sum(s["output"].strip() == t["target"] for s, t in zip(sides, samples, strict=True))
        assert metrics["exact"][arm]["value"] == exact / len(samples)
        truncated = sum(s["finish"] == "length" for s in sides) / len(samples)
        assert metrics["truncated"][arm]["value"] == truncated
    primary = metrics["nll_per_token"]
    assert primary["primary"] is True
    delta = primary["tuned"]["value"] - primary["base"]["value"]
    assert primary["delta"]["value"] == pytest.approx(delta, rel=1e-12)


def test_an_adapter_without_effect_blocks_the_verdict(mlxr: Run, write_recipe: Write) -> None:
    """The same model in both arms: no difference is claimed, and the reason is named."""
    recipe = write_recipe(
        questions(90), iters=2, learning_rate=1e-30, extra="[compare]\nlimit = 12\n"
    )
    trained(mlxr, recipe)
    ran = mlxr("compare", recipe, "--json")
    assert ran.code == 4
    document = json.loads(ran.out)
    assert document["verdict"]["code"] == "BLOCKED"
    assert "ADAPTER_NO_EFFECT" in document["verdict"]["blockers"]
    assert document["metrics"][0]["delta"]["value"] == pytest.approx(0, abs=1e-7)


def test_data_prepared_anew_since_training_are_refused(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe()
    trained(mlxr, recipe)
    with (recipe.parent / "rows.jsonl").open("a") as stream:
        stream.write(json.dumps({"question": "Repeat: a new row", "answer": "a new row"}) + "\n")
    assert mlxr("prep", recipe).code == 0
    ran = mlxr("compare", recipe)
    assert ran.code == 1
    assert "prepared anew since run r/0001 was trained" in ran.err


def test_an_unknown_primary_metric_is_named_before_anything_runs(
    mlxr: Run, write_recipe: Write
) -> None:
    recipe = write_recipe(extra='[compare]\nprimary = "exakt"\n')
    trained(mlxr, recipe)
    ran = mlxr("compare", recipe)
    assert ran.code == 1
    assert "compare.primary = 'exakt' is no metric of task 'text'" in ran.err
    assert "Did you mean exact?" in ran.err
    assert not Path("adapters/r/0001/compare").exists()


def test_an_arm_that_fails_is_explained(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe()
    run = trained(mlxr, recipe)
    (run / "adapter_config.json").write_text('{"num_layers": 1, "lora_parameters": {}}')
    ran = mlxr("compare", recipe)
    assert ran.code == 1
    assert "The tuned arm failed: " in ran.err
    assert "tuned.log" in ran.err
    assert "Traceback" not in ran.err


def test_calls_are_judged_with_slices_errors_and_what_the_answers_themselves_reach(
    mlxr: Run, write_recipe: Write
) -> None:
    """Half of the expected calls leave out what their tool requires: that is the ceiling."""
    tool = {"name": "repeat", "parameters": {"what": {"type": "str"}}}
    due = [{"what": f"{i}"} if i % 2 else {} for i in range(90)]
    rows = [
        {
            "question": f"Tools: {json.dumps([tool])}\nRepeat {i}",
            "answer": json.dumps([{"name": "repeat", "arguments": due[i]}]),
            "kind": "odd" if i % 2 else "even",
        }
        for i in range(90)
    ]  # fmt: skip
    extra = '[compare]\ntask = "tools"\ncategory = "kind"\nlimit = 12\nmax_tokens = 8\n'
    run = trained(mlxr, write_recipe(rows, iters=2, extra=extra))
    ran = mlxr("compare", "r/0001")
    assert ran.code in {0, 3, 4}, ran.err
    document = read_json(run / "compare/compare.json")
    samples = list(read_jsonl(run / "compare/samples.jsonl"))
    odd = sum(sample["category"] == "odd" for sample in samples)
    assert document["ceilings"] == {"args_valid": odd / 12}
    assert set(document["baselines"]) == {"no_call", "first_tool"}
    assert document["baselines"]["first_tool"]["call_exact"] == pytest.approx(1 - odd / 12)
    sizes = {(s["slice"], s["value"]): s["n"] for s in document["slices"]}
    assert sizes == {
        ("category", "odd"): odd, ("category", "even"): 12 - odd,
        ("arguments due", "others"): odd, ("arguments due", "defaults only"): 12 - odd,
    }  # fmt: skip
    counts = document["errors"]["base"]
    assert sum(counts.values()) >= 12 - sum(s["base"]["values"]["call_exact"] for s in samples)
    assert sum(t["n"] for t in document["errors"]["transitions"]) == 12
    report = (run / "compare/report.md").read_text()
    assert "## call_exact by slice" in report
    assert f"The expected answers themselves: args_valid {100 * odd / 12:.1f} %." in report
