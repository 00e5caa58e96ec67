"""`mlxr plan` from end to end, and the mistakes it is likeliest to meet."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from mlxr.files import read_json, write_json
from train.runs import Run, Write, float_model, prepared

INJECTED = Path(__file__).parents[1] / "train" / "injected"


def rows(count: int) -> list[dict[str, Any]]:
    """Return rows of many lengths."""
    return [
        {"question": f"Say {'again ' * (1 + i * 7 % 23)}{i}", "answer": f"{i} " * (1 + i % 9)}
        for i in range(count)
    ]


def told(mlxr: Run, *arguments: str | Path) -> dict[str, Any]:
    """Return what `mlxr plan --json` says."""
    ran = mlxr("plan", *arguments, "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert isinstance(document, dict)
    return document


def trained(mlxr: Run, *arguments: str | Path) -> dict[str, Any]:
    """Return what `mlxr train --json` says, and its first event."""
    ran = mlxr("train", *arguments, "--json")
    assert ran.code == 0, ran.err
    document: dict[str, Any] = json.loads(ran.out)
    events = Path("adapters") / document["run"] / "events.jsonl"
    first = json.loads(events.read_text().splitlines()[0])
    all_ = [json.loads(line) for line in events.read_text().splitlines()]
    document["target_tokens"] = sum(e["target_tokens"] for e in all_ if e["event"] == "trained")
    return document | {"started": first}


def test_what_is_measured_is_what_training_then_reports(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe(rows(20), iters=9, steps_per_eval=9))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    found = told(mlxr, recipe)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert after == before, "nothing of the user's is touched, no run appears"
    assert found["memory"]["measured"]
    assert found["memory"]["fits"]
    assert 0 < found["time"]["low"] <= found["time"]["total"] <= found["time"]["high"]
    run = trained(mlxr, recipe)
    assert found["memory"]["peak"] == pytest.approx(run["peak_memory"], rel=0.15)
    assert found["target_tokens"] == run["target_tokens"]
    assert found["length"]["iterations"] == run["iterations"] == 9
    assert found["anatomy"]["trainable"] == run["started"]["trainable"]
    assert found["memory"]["limit"] == run["started"]["memory"]


SHAPES: list[dict[str, Any]] = [
    {"batch_size": 2, "num_layers": -1},
    {"batch_size": 6, "num_layers": 2, "grad_checkpoint": True},
    {"batch_size": 4, "num_layers": 1, "mask_prompt": False},
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_estimate_of_memory_is_within_a_factor_of_two(
    mlxr: Run, write_recipe: Write, shape: dict[str, Any]
) -> None:
    recipe = prepared(mlxr, write_recipe(rows(50), iters=5, val_batches=0, **shape))
    found = told(mlxr, recipe, "--no-measure")["memory"]
    assert not found["measured"]
    peak = trained(mlxr, recipe)["peak_memory"]
    assert peak / 2 < found["peak"] < peak * 2


def test_the_page_says_it_all(mlxr: Run, write_recipe: Write) -> None:
    table = '[compare]\nprimary = "exact"\nmin_effect = 0.4\n'
    recipe = prepared(mlxr, write_recipe(rows(60), extra=table))
    ran = mlxr("plan", recipe, "--no-measure")
    assert ran.code == 0, ran.err
    page = " ".join(ran.out.split())
    for said in (
        "4 iterations (21 an epoch), 4 updates (21 an epoch), 0.19 epochs;",
        "self_attn.q_proj 1 2,048",
        "estimated from the model's config on the batch that needs most, 2 × ",
        "8 rows; the smallest difference that they show, with 80 % power at 5 %:",
        "Too few for a verdict.",
        "compare.min_effect = 0.4 of exact takes about 20 rows, and there are fewer",
        "this model, from nothing 623,488 12,469,760 20 4.66e+13",
        "arXiv:2203.15556",
        "What it does not say: how many rows fine-tuning needs.",
    ):
        assert said in page, said
    assert f"mlxr train {recipe}" in ran.err


def test_data_that_are_not_prepared_are_asked_for(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe()
    ran = mlxr("plan", recipe)
    assert ran.code == 1
    assert "error: r is not prepared" in ran.err
    assert f"→ mlxr prep {recipe}" in ran.err


def test_data_of_before_a_change_are_refused(mlxr: Run, write_recipe: Write) -> None:
    recipe = prepared(mlxr, write_recipe())
    ran = mlxr("plan", recipe, "--set", "train.max_seq_length=64")
    assert ran.code == 1
    assert "error: train.max_seq_length changed since r was prepared." in ran.err
    assert f"→ mlxr prep {recipe} --set train.max_seq_length=64" in ran.err


def test_a_model_that_is_not_there_or_is_too_small_is_named(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe())
    ran = mlxr("plan", recipe, "--set", "train.num_layers=9")
    assert ran.code == 1
    assert "train.num_layers = 9, but the model has 3 layers." in ran.err
    ran = mlxr("plan", recipe, "--set", f"model={tmp_path / 'none'}")
    assert ran.code == 1
    assert "the folder" in ran.err
    assert "does not exist" in ran.err


def test_a_model_that_mlx_lm_does_not_know_is_told(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    model = float_model(tmp_path / "model")
    recipe = prepared(mlxr, write_recipe(model=model))
    write_json(model / "config.json", read_json(model / "config.json") | {"model_type": "nobody"})
    for how in ("--measure", "--no-measure"):
        ran = mlxr("plan", recipe, how)
        assert ran.code == 1
        assert "mlx_lm cannot build" in ran.err
        assert "nobody not supported" in ran.err
        assert "Traceback" not in ran.err


@pytest.mark.skipif(sys.platform != "linux", reason="faults are injected as there")
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("memory@2", "error: Memory ran out while a few batches were trained"),
        ("kill@2", "was ended by SIGKILL"),
        ("raise@2", "error: The steps to measure failed: RuntimeError: something broke inside."),
    ],
)
def test_steps_that_fail_are_told_and_leave_nothing(
    mlxr: Run,
    write_recipe: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    said: str,
) -> None:
    model = float_model(tmp_path / "model")
    recipe = prepared(mlxr, write_recipe(batch_size=4, val_batches=0, model=model))
    path = [str(INJECTED), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(part for part in path if part))
    monkeypatch.setenv("FAULT", fault)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    ran = mlxr("plan", recipe)
    assert ran.code == 1
    assert said in ran.err
    hint = "--no-measure" if fault == "raise@2" else "set train.batch_size = "
    assert hint in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "adapters").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_machine_too_small_is_told_what_would_fit(
    mlxr: Run, write_recipe: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child asks the machine for its memory; here it says less."""
    recipe = prepared(mlxr, write_recipe(rows(60), batch_size=8, num_layers=-1))
    peak = told(mlxr, recipe, "--no-measure")["memory"]["peak"]
    monkeypatch.setattr("mlxr.plan.forecast.study", _smaller(0.5 * peak))
    ran = mlxr("plan", recipe, "--no-measure")
    assert ran.code == 0
    assert "It does not fit." in ran.out
    keys = "train.batch_size = 2, train.grad_accumulation_steps = 4, train.iters = 16"
    assert f"set {keys} in {recipe}, then: mlxr prep {recipe} && mlxr plan {recipe}" in ran.out
    assert "Next:" not in ran.err
    monkeypatch.setattr("mlxr.plan.forecast.study", _smaller(1e-4))
    assert "No setting of [train] makes it fit" in mlxr("plan", recipe, "--no-measure").out


def _smaller(gigabytes: float) -> Any:
    from dataclasses import replace

    from mlxr.plan import anatomy

    return lambda *given, **named: replace(anatomy.study(*given, **named), memory=gigabytes)
