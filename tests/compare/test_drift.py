"""Drift: the base inside a tuned model is the base, and the divergence is exact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL
from mlxr.compare.choice import spread
from mlxr.compare.drift import ROWS, written_drift
from mlxr.loaded import Arms
from train.runs import float_model
from trained_runs import random_adapter

ROWS_ASKED = [
    ([50, 60, 70], [80, 90, 100, 7], True),
    ([51, 61, 71, 81, 91], [5], False),
    ([52], [], True),
    ([53, 54], [300, 301, 302, 303, 304, 305], False),
]


def independent(tuned: Any, base: Any, row: tuple[list[int], list[int], bool]) -> float:
    """Compute the divergence of one unpadded row in float64, from two models."""
    import mlx.core as mx
    import numpy as np

    prompt, answer, ended = row

    def logs(model: Any) -> Any:
        found = np.array(model(mx.array([[*prompt, *answer]]))[0].astype(mx.float32), np.float64)
        found -= found.max(-1, keepdims=True)
        return found - np.log(np.exp(found).sum(-1, keepdims=True))

    one, other = logs(tuned), logs(base)
    each = (np.exp(one) * (one - other)).sum(-1)
    start = len(prompt) - 1
    return float(each[start : start + len(answer) + ended].sum())


@pytest.mark.parametrize("kind", ["lora", "dora", "full"])
def test_the_divergence_is_that_of_two_models_loaded_apart(tmp_path: Path, kind: str) -> None:
    from mlx_lm import load

    model = float_model(tmp_path / "model") if kind == "full" else MODEL
    place = random_adapter(tmp_path / "adapter", model, kind, layers=2)
    tuned, base = load(str(model), adapter_path=str(place))[0], load(str(model))[0]
    arms = Arms(str(model), str(place), trust_remote_code=False)
    for batch in (1, 4):
        found = written_drift(arms, ROWS_ASKED, batch)
        assert [n for _, n in found] == [5, 1, 1, 6]
        expected = [independent(tuned, base, row) for row in ROWS_ASKED]
        assert [kl for kl, _ in found] == pytest.approx(expected, rel=1e-3, abs=1e-6)
        assert min(expected) > 1e-3


def test_a_model_has_not_moved_from_itself(tmp_path: Path) -> None:
    import mlx.core as mx

    place = random_adapter(tmp_path / "adapter")
    weights = mx.load(str(place / "adapters.safetensors"))
    still = {name: value * (not name.endswith("lora_b")) for name, value in weights.items()}
    mx.save_safetensors(str(place / "adapters.safetensors"), still)
    arms = Arms(str(MODEL), str(place), trust_remote_code=False)
    assert [kl for kl, _ in written_drift(arms, ROWS_ASKED, 4)] == [0, 0, 0, 0]


def test_the_samples_are_spread_over_all() -> None:
    assert spread(3, ROWS) == [0, 1, 2]
    assert spread(0, ROWS) == []
    found = spread(1000, ROWS)
    assert (len(found), found[0], found[-1]) == (ROWS, 0, 984)
    assert len(set(found)) == ROWS
