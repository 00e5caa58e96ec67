"""Going on is exact: the same weights and the same events as never having stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlxr.files import file_sha256, read_json
from train.runs import SCHEDULE, Run, Write, add, events, float_model, prepared, stopped_at


@pytest.mark.parametrize("kind", ["lora", "dora", "full"])
def test_resume_gives_the_same_weights_as_never_stopping(
    mlxr: Run, write_recipe: Write, tmp_path: Path, kind: str
) -> None:
    """With dropout, accumulation, a schedule and adamw's moments, from three iterations."""
    recipe = write_recipe(
        model=float_model(tmp_path / "model"),
        iters=8,
        steps_per_eval=4,
        save_every=2,
        keep_checkpoints=9,
        grad_accumulation_steps=2,
        fine_tune_type=kind,
        optimizer="adamw",
        max_grad_norm=0.5,
        answer_start_weight=3.0,
    )
    prepared(mlxr, add(recipe, SCHEDULE))
    ran = mlxr("train", recipe)
    assert ran.code == 0, ran.err
    whole = tmp_path / "adapters" / "r" / "0001"
    for iteration in (2, 4, 6):
        parts = stopped_at(whole, iteration, f"000{iteration}")
        ran = mlxr("train", recipe, "--resume")
        assert ran.code == 0, ran.err
        assert f"Going on with run r/000{iteration} from iteration {iteration}" in ran.err
        _assert_same(whole, parts)


def _assert_same(whole: Path, parts: Path) -> None:
    for weights in ("adapters.safetensors", "checkpoints/0000008/adapters.safetensors"):
        assert file_sha256(whole / weights) == file_sha256(parts / weights)
    assert events(whole, "trained", "validated") == events(parts, "trained", "validated")
    results = [read_json(run / "run.json")["result"] for run in (whole, parts)]
    clocks = {"seconds", "peak_memory"}
    one, other = ({k: v for k, v in result.items() if k not in clocks} for result in results)
    assert one == other
