"""An adapter for PEFT: the same update of the same weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Ran
from export.conftest import make
from mlxr.files import read_json, write_json

Run = Callable[..., Ran]


def test_both_formats_mean_the_same_update(mlxr: Run, run: Path) -> None:
    import numpy as np
    from safetensors.numpy import load_file

    ran = mlxr("export", "r/0001", "--as", "peft")
    assert ran.code == 0, ran.err
    folder = Path("exports/r-0001-peft")
    ours = load_file(run / "adapters.safetensors")
    theirs = load_file(folder / "adapter_model.safetensors")
    scale = read_json(run / "adapter_config.json")["lora_parameters"]["scale"]
    config = read_json(folder / "adapter_config.json")
    modules = {name.rpartition(".")[0] for name in ours}
    assert set(config["target_modules"]) == modules
    assert len(theirs) == len(ours) == 2 * len(modules)
    for module in modules:
        a, b = ours[f"{module}.lora_a"], ours[f"{module}.lora_b"]
        delta = scale * (a @ b).T  # mlx_lm: y = x W^T + scale (x a) b
        prefix = f"base_model.model.{module}"
        big_a, big_b = theirs[f"{prefix}.lora_A.weight"], theirs[f"{prefix}.lora_B.weight"]
        assert big_a.shape[0] == big_b.shape[1] == config["r"]
        peft = config["lora_alpha"] / config["r"] * (big_b @ big_a)  # PEFT: W + alpha/r B A
        assert np.abs(delta).max() > 0
        np.testing.assert_allclose(peft, delta, rtol=1e-5, atol=1e-7)
    assert "quantised for MLX, which transformers cannot load" in ran.err.replace("\n", " ")


@pytest.mark.usefixtures("run")
def test_what_peft_has_not_is_refused(mlxr: Run, run: Path) -> None:
    config = read_json(run / "adapter_config.json")
    for kind in ("dora", "full"):
        write_json(run / "adapter_config.json", config | {"fine_tune_type": kind})
        ran = mlxr("export", "r/0001", "--as", "peft")
        assert ran.code == 1
        assert f"fine_tune_type is {kind}" in ran.err
        assert "--as mlx" in ran.err
    assert list(Path("exports").iterdir()) == []


def test_a_layer_that_mlx_lm_renamed_is_refused(mlxr: Run, run: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(run / "best/adapters.safetensors")
    renamed = {f"other.{name}": value for name, value in tensors.items()}
    save_file(renamed, run / "best/adapters.safetensors")
    ran = mlxr("export", "r/0001@best", "--as", "peft")
    assert ran.code == 1
    assert "has no weights of the name other.model.layers" in ran.err


def test_a_float_base_has_no_note(mlxr: Run, tmp_path: Path) -> None:
    from train.runs import float_model

    make(tmp_path, model=float_model(tmp_path / "m"))
    ran = mlxr("export", "--as", "peft", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["notes"] == []
