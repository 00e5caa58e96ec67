"""Base and tuned in one process are exactly what mlx_lm loads, however the adapter was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import MODEL
from mlxr.chat.arms import Arms
from train.runs import float_model
from trained_runs import random_adapter


@pytest.mark.parametrize(
    ("kind", "quantised"), [("lora", True), ("lora", False), ("dora", False), ("full", False)]
)
def test_an_arm_is_what_mlx_lm_loads_also_after_the_other_was_used(
    tmp_path: Path, kind: str, quantised: bool
) -> None:
    import mlx.core as mx
    from mlx_lm import load

    model = MODEL if quantised else float_model(tmp_path / "model")
    folder = random_adapter(tmp_path / "adapter", model, kind, layers=1)
    ids = mx.array([[5, 300, 17, 42]])
    alone = {
        "base": load(str(model))[0](ids),
        "tuned": load(str(model), adapter_path=str(folder))[0](ids),
    }
    assert not mx.allclose(alone["base"], alone["tuned"], atol=1e-2)
    arms = Arms(str(model), str(folder), False)
    for arm in ("tuned", "base", "base", "tuned", "base"):
        assert mx.array_equal(arms.use(arm)(ids), alone[arm]), arm


def test_a_base_of_other_shapes_is_refused(tmp_path: Path) -> None:
    model = float_model(tmp_path / "model")
    folder = random_adapter(tmp_path / "adapter", model, layers=1)
    with pytest.raises(ValueError, match="incompatible tensors"):
        Arms(str(MODEL), str(folder), False)
