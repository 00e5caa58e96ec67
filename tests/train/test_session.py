"""Training in a real child on the demo's model: what is kept, when it stops, how it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import questions
from mlxr import blas
from mlxr.files import file_sha256, read_json, read_jsonl
from mlxr.recipe import load
from train.runs import Run, Write, events, prepared


def test_a_run_folder_is_a_plain_adapter_and_tells_its_story(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe(iters=6, steps_per_eval=2, keep_checkpoints=2))
    ran = mlxr("train", recipe)
    assert ran.code == 0, ran.err
    run = tmp_path / "adapters" / "r" / "0001"
    found = {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}
    checkpoint = {
        "adapter_config.json", "adapters.safetensors", "optimizer.safetensors", "state.json",
    }  # fmt: skip
    assert found == {
        "adapter_config.json", "adapters.safetensors", "best/adapter_config.json",
        "best/adapters.safetensors", "events.jsonl", "mlx_lm.yaml", "run.json", "train.log",
        *(f"checkpoints/{it}/{file}" for it in ("0000004", "0000006") for file in checkpoint),
    }  # fmt: skip
    record = read_json(run / "run.json")
    assert record["status"] == "done"
    assert record["result"]["adapter_sha256"] == file_sha256(run / "adapters.safetensors")
    validated = events(run, "validated")
    assert [event["iteration"] for event in validated] == [0, 2, 4, 6]
    lowest = min(validated[1:], key=lambda event: float(event["loss"]))
    assert record["result"]["best_iteration"] == lowest["iteration"]
    assert record["result"]["base_loss"] == validated[0]["loss"]
    assert [event["best"] for event in validated].count(True) >= 1
    assert file_sha256(run / "best/adapters.safetensors") == record["result"]["adapter_sha256"]
    assert f"mlxr compare {run.parent.name}/{run.name}" in ran.err


def test_a_finished_run_is_not_resumed(mlxr: Run, write_recipe: Write) -> None:
    recipe = prepared(mlxr, write_recipe(iters=2))
    assert mlxr("train", recipe).code == 0
    ran = mlxr("train", recipe, "--resume")
    assert ran.code == 1
    assert "Run r/0001 is finished" in ran.err


def test_a_loss_that_is_no_number_stops_at_once_and_keeps_the_last_finite_weights(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe(iters=40, learning_rate=1e38, steps_per_eval=100))
    ran = mlxr("train", recipe)
    assert ran.code == 1
    assert "is no longer a finite number" in ran.err
    assert "Rows in that batch: rows.jsonl:" in ran.err
    assert "train.learning_rate" in ran.err
    record = read_json(tmp_path / "adapters/r/0001/run.json")
    assert record["status"] == "nonfinite"
    assert record["result"]["iterations"] < 5
    assert len(record["result"]["rows"]) == 2
    assert _all_finite(tmp_path / "adapters/r/0001/adapters.safetensors")


def _all_finite(weights: Path) -> bool:
    import mlx.core as mx

    return all(bool(mx.isfinite(value).all().item()) for value in mx.load(str(weights)).values())


def test_spent_patience_stops(mlxr: Run, write_recipe: Write, tmp_path: Path) -> None:
    """With a learning rate of almost nothing the loss cannot fall twice."""
    recipe = write_recipe(
        iters=40, learning_rate=1e-30, steps_per_eval=1, early_stopping_patience=3
    )
    ran = mlxr("train", prepared(mlxr, recipe))
    assert ran.code == 0, ran.err
    assert "Stopped early" in ran.out
    record = read_json(tmp_path / "adapters/r/0001/run.json")
    assert (record["status"], record["result"]["iterations"]) == ("patience", 4)


def test_validation_does_not_change_training(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe(iters=6, steps_per_eval=1))
    assert mlxr("train", recipe).code == 0
    assert mlxr("train", recipe, "--set", "train.steps_per_eval=6").code == 0
    one, other = (events(tmp_path / f"adapters/r/000{i}", "trained") for i in (1, 2))
    assert one == other


@pytest.mark.parametrize("batch_size", [1, 4, 9])
def test_validation_loss_is_the_exact_mean_whatever_the_batch_size(
    mlxr: Run, write_recipe: Write, tmp_path: Path, batch_size: int
) -> None:
    """Rows of 9 lengths, so that the mean of the batches' means would be another."""
    rows = [row | {"answer": " ".join([row["answer"]] * (1 + i % 9))}
            for i, row in enumerate(questions(60))]  # fmt: skip
    recipe = prepared(mlxr, write_recipe(rows, iters=1, batch_size=batch_size))
    assert mlxr("train", recipe).code == 0
    reported = events(tmp_path / "adapters/r/0001", "validated")[0]["loss"]
    assert reported == pytest.approx(_mean_nll(tmp_path / "data/r/valid.jsonl"), abs=1e-5)


def _mean_nll(rows: Path) -> float:
    """Compute the base model's loss per target token one row at a time, in float64."""
    import mlx.core as mx
    import numpy as np
    from mlx_lm import load

    from conftest import MODEL

    model, tokenizer = load(str(MODEL))
    total, count = 0.0, 0
    for row in read_jsonl(rows):
        ids = tokenizer.apply_chat_template(row["messages"], tokenize=True)
        logits = np.array(model(mx.array([ids[:-1]]))[0], dtype=np.float64)
        log = logits - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True))
        log -= logits.max(-1, keepdims=True)
        for position in range(row["mlxr"]["offset"], len(ids)):
            total -= log[position - 1, ids[position]]
            count += 1
    return total / count


def test_a_dry_run_writes_nothing_and_shows_origins(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe())
    ran = mlxr("train", recipe, "--dry-run", "--set", "train.iters=7")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert "train.iters = 7  # --set" in lines
    assert f"train.batch_size = 2  # {recipe}" in lines
    assert "train.grad_checkpoint = false  # default" in lines
    assert "python -m mlx_lm lora -c mlx_lm.yaml" in ran.out
    assert not (tmp_path / "adapters").exists()


def test_what_a_dry_run_shows_can_be_pasted_into_a_recipe(mlxr: Run, write_recipe: Write) -> None:
    recipe = prepared(mlxr, write_recipe())
    keys = 'train.lora_parameters.keys=["self_attn.q_proj"]'
    ran = mlxr("train", recipe, "--dry-run", "--set", keys)
    shown = [line for line in ran.out.splitlines() if line.partition("  # ")[2]]
    assert 'train.lora_parameters.keys = ["self_attn.q_proj"]  # --set' in shown
    pasted = recipe.with_name("pasted.toml")
    pasted.write_text("\n".join(shown))
    assert load(pasted).recipe == load(recipe, [keys]).recipe


def test_json_is_one_document_and_nothing_else(mlxr: Run, write_recipe: Write) -> None:
    recipe = prepared(mlxr, write_recipe(iters=2))
    ran = mlxr("train", recipe, "--json")
    assert ran.err == ""
    document = json.loads(ran.out)
    assert document["run"] == "r/0001"
    assert document["iterations"] == 2


def test_a_machine_without_openblas_is_told_once(
    mlxr: Run, write_recipe: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blas, "wanted", lambda: True)
    monkeypatch.setattr(blas, "find", lambda: None)
    ran = mlxr("train", prepared(mlxr, write_recipe(iters=1)))
    assert ran.code == 0
    assert ran.err.count("apt install libopenblas0-pthread") == 1


def test_tensorboard_has_every_figure(mlxr: Run, write_recipe: Write, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    recipe = write_recipe(iters=2, report_to="tensorboard", steps_per_report=1)
    ran = mlxr("train", prepared(mlxr, recipe))
    assert ran.code == 0, ran.err
    [file] = (tmp_path / "adapters/r/0001/tensorboard").iterdir()
    written = file.read_bytes()
    figures = "train_loss learning_rate grad_norm trained_tokens val_loss"
    assert all(name.encode() in written for name in figures.split())
