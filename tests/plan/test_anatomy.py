"""What a model is made of, as mlx_lm builds it, with its weights or without."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL
from mlxr.files import read_json, write_json
from mlxr.plan.anatomy import Anatomy, study
from mlxr.recipe import load
from mlxr.train.config import lora_parameters
from mlxr.train.stage import Plan, plan
from mlxr.workspace import Workspace
from test_recipes import options, real
from train.runs import Run, Write, add, float_model, prepared

LLAMA = {
    "model_type": "llama", "hidden_size": 960, "num_hidden_layers": 32,
    "intermediate_size": 2560, "num_attention_heads": 15, "num_key_value_heads": 5,
    "rms_norm_eps": 1e-5, "vocab_size": 49152, "tie_word_embeddings": True,
}  # fmt: skip
QWEN = {
    "model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 24,
    "intermediate_size": 4864, "num_attention_heads": 14, "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6, "vocab_size": 151936, "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}  # fmt: skip


def of(planned: Plan, folder: Path, model: Path, *, speed: bool = False) -> Anatomy:
    return study(planned, folder, model, speed=speed)


@pytest.fixture
def planned(mlxr: Run, write_recipe: Write, tmp_path: Path) -> Plan:
    return plan(load(prepared(mlxr, write_recipe(num_layers=2))), Workspace(tmp_path))


@pytest.mark.parametrize(
    ("name", "config", "parameters", "trainable"),
    [
        ("calendar", LLAMA, 361_821_120, 8_683_520),
        ("function-calling", {"model_type": "gemma3_text"}, 999_885_952, 229_376),
        ("summarization", QWEN, 494_032_768, 8_798_208),
    ],
)
def test_real_models_are_counted_without_their_weights(
    planned: Plan,
    tmp_path: Path,
    name: str,
    config: dict[str, Any],
    parameters: int,
    trainable: int,
) -> None:
    """The counts of SmolLM-360M, gemma-3-1b and Qwen2.5-0.5B as they were published."""
    from dataclasses import replace

    model = tmp_path / "real"
    model.mkdir()
    write_json(model / "config.json", config)
    train = load(real(name), options(name)[1::2]).recipe.train
    told = {"num_layers": train.num_layers, "lora_parameters": lora_parameters(train)}
    found = of(replace(planned, config={**planned.config, **told}), tmp_path, model)
    assert (found.parameters, found.trainable) == (parameters, trainable)
    assert found.frozen_bytes == 2 * parameters
    assert sum(each.modules for each in found.trained) == found.trained_blocks * len(
        train.lora_parameters.keys or []
    )


def test_the_demos_model_is_what_its_header_says(planned: Plan, tmp_path: Path) -> None:
    found = of(planned, tmp_path, MODEL, speed=True)
    assert (found.blocks, found.trained_blocks, found.heads, found.hidden) == (3, 2, 4, 128)
    assert found.parameters == 623_488
    assert found.frozen_bytes == pytest.approx(
        (MODEL / "model.safetensors").stat().st_size, rel=0.02
    )
    up = [each for each in found.products if each.name == "mlp.up_proj"]
    assert {(each.inputs, each.outputs, each.bits, each.trained, each.count) for each in up} == {
        (128, 256, 4, False, 1),
        (128, 256, 4, True, 2),
    }
    assert all(each.forward and each.backward for each in found.products)
    [head] = [each for each in found.products if each.head]
    assert (head.name, head.inputs, head.outputs) == ("model.embed_tokens", 128, 1024)


def test_quantisation_that_the_config_tells_counts_without_weights(
    planned: Plan, tmp_path: Path
) -> None:
    shutil.copytree(MODEL, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors*"))
    config = read_json(MODEL / "config.json") | {"torch_dtype": "float32"}
    write_json(tmp_path / "bare" / "config.json", config)
    bare, whole = of(planned, tmp_path, tmp_path / "bare"), of(planned, tmp_path, MODEL)
    assert bare.parameters == whole.parameters
    assert bare.trained == whole.trained
    assert bare.frozen_bytes == pytest.approx(whole.frozen_bytes, rel=0.05)


def test_all_of_a_block_is_trained_where_the_recipe_says_so(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    model = float_model(tmp_path / "model")
    recipe = write_recipe(model=model, num_layers=1, fine_tune_type="full")
    found = of(plan(load(prepared(mlxr, recipe)), Workspace(tmp_path)), tmp_path, model)
    names = {each.name for each in found.trained}
    assert {"self_attn.q_proj", "input_layernorm"} <= names
    inner = read_json(model / "config.json")
    per_block = 4 * 32 * 32 + 3 * 32 * inner["intermediate_size"] + 2 * 32
    assert found.trainable == per_block
    [head] = [each for each in found.products if each.head]
    assert head.name == "lm_head"


def test_keys_that_match_nothing_are_told(mlxr: Run, write_recipe: Write) -> None:
    table = '[train.lora_parameters]\nkeys = ["self_attn.w_proj"]\n'
    ran = mlxr("plan", prepared(mlxr, add(write_recipe(), table)))
    assert ran.code == 1
    assert 'the model has no module "self_attn.w_proj"' in ran.err
