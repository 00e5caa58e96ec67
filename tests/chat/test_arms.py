"""Base and tuned in one process are exactly what mlx_lm loads, however the adapter was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import MODEL
from mlxr.chat.arms import Arms
from mlxr.files import write_json
from train.runs import float_model


def adapter(model: Path, folder: Path, kind: str) -> Path:
    """Write an adapter of some kind with weights that change what the model says."""
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm import load
    from mlx_lm.tuner.utils import linear_to_lora_layers

    mx.random.seed(3)
    loaded, _ = load(str(model))
    lora = {"rank": 4, "scale": 2.0, "dropout": 0.0}
    loaded.freeze()
    if kind == "full":
        loaded.layers[-1].unfreeze()
    else:
        linear_to_lora_layers(loaded, 1, lora, use_dora=kind == "dora")
    weights = dict(tree_flatten(loaded.trainable_parameters()))
    changed = {k: v + 0.3 * mx.random.normal(v.shape, v.dtype) for k, v in weights.items()}
    folder.mkdir()
    mx.save_safetensors(str(folder / "adapters.safetensors"), changed)
    config = {"fine_tune_type": kind, "num_layers": 1, "lora_parameters": lora}
    write_json(folder / "adapter_config.json", config)
    return folder


@pytest.mark.parametrize(
    ("kind", "quantised"), [("lora", True), ("lora", False), ("dora", False), ("full", False)]
)
def test_an_arm_is_what_mlx_lm_loads_also_after_the_other_was_used(
    tmp_path: Path, kind: str, quantised: bool
) -> None:
    import mlx.core as mx
    from mlx_lm import load

    model = MODEL if quantised else float_model(tmp_path / "model")
    folder = adapter(model, tmp_path / "adapter", kind)
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
    folder = adapter(model, tmp_path / "adapter", "lora")
    with pytest.raises(ValueError, match="incompatible tensors"):
        Arms(str(MODEL), str(folder), False)
