"""The recipes' LoRA keys name real modules of the real architectures, and train what they say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL, Ran
from mlxr.files import write_json
from mlxr.recipe import load
from mlxr.train.config import lora_parameters
from test_recipes import iterations, options, real

Run = Callable[..., Ran]
SMALL = {
    "hidden_size": 32, "num_hidden_layers": 16, "intermediate_size": 64,
    "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 1024,
    "max_position_embeddings": 4096, "eos_token_id": 0, "tie_word_embeddings": True,
}  # fmt: skip
"""As the demo's tokenizer needs it, and with as many layers as any recipe trains."""
ROTARY = {"rotary_emb_base": 10000, "rotary_pct": 0.25, "layer_norm_eps": 1e-5}
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "calendar": ("llama", {"rms_norm_eps": 1e-5}),
    "function-calling": ("gemma3_text", {"head_dim": 16, "query_pre_attn_scalar": 16}),
    "chat": ("mistral", {"rms_norm_eps": 1e-5, "tie_word_embeddings": False}),
    "copywriting": ("gpt_neox", ROTARY),
    "summarization": ("qwen2", {"rms_norm_eps": 1e-6}),
}
"""Recipe → model_type of its real model, and what its config has besides."""


def build(config: dict[str, Any]) -> Any:
    """Return mlx_lm's model for a config, with random weights that nothing has computed yet."""
    from mlx_lm.utils import MODEL_REMAPPING

    kind = MODEL_REMAPPING.get(config["model_type"], config["model_type"])
    module = import_module(f"mlx_lm.models.{kind}")
    return module.Model(module.ModelArgs.from_dict(config))


def tiny(folder: Path, name: str) -> Path:
    """Write a random model of the architecture of recipe `name`, with the demo's tokenizer."""
    import mlx.core as mx
    from mlx.utils import tree_flatten

    kind, more = ARCHITECTURES[name]
    shutil.copytree(MODEL, folder, ignore=shutil.ignore_patterns("*.safetensors*", "config.json"))
    config = {"model_type": kind, **SMALL, **more}
    write_json(folder / "config.json", config)
    mx.random.seed(7)
    weights = dict(tree_flatten(build(config).parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    return folder


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_lora_keys_train_a_model_of_the_same_architecture(
    mlxr: Run, name: str, tmp_path: Path
) -> None:
    recipe, model = real(name), tiny(tmp_path / "tiny", name)
    given = [*options(name, model), "--set", "train.grad_accumulation_steps=1"]
    given += ["--set", "train.max_seq_length=256", "--set", "train.steps_per_eval=3"]
    assert mlxr("prep", recipe, *given).code == 0
    train = load(recipe, given[1::2]).recipe.train
    ran = mlxr("train", recipe, *given, "--dry-run")
    assert ran.code == 0, ran.err
    assert "mlx_lm lora" in ran.out + ran.err
    ran = mlxr("train", recipe, *given, *iterations(3, tmp_path, recipe, given[1::2]), "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["iterations"] == 3
    [run] = (tmp_path / "adapters" / name).iterdir()
    import mlx.core as mx

    weights = mx.load(str(run / "adapters.safetensors"))
    keys = train.lora_parameters.keys or []
    assert keys
    for key in keys:
        found = [weight for weight in weights if f".{key}.lora_a" in weight]
        assert len(found) == (16 if train.num_layers == -1 else train.num_layers), key
    assert {w.rpartition(".")[0].split(".", 3)[-1] for w in weights} == set(keys)
    assert any(mx.abs(v).max().item() > 0 for k, v in weights.items() if k.endswith("lora_b"))


@pytest.mark.parametrize(
    ("name", "expected", "config"),
    [
        (
            "calendar",
            8_683_520,
            {
                "model_type": "llama", "hidden_size": 960, "num_hidden_layers": 32,
                "intermediate_size": 2560, "num_attention_heads": 15, "num_key_value_heads": 5,
                "rms_norm_eps": 1e-5, "vocab_size": 49152,
            },
        ),
        ("function-calling", 229_376, {"model_type": "gemma3_text"}),  # its defaults are the 1b's
    ],
)  # fmt: skip
def test_as_many_parameters_are_trained_as_was_published(
    name: str, expected: int, config: dict[str, Any]
) -> None:
    from mlx.utils import tree_flatten
    from mlx_lm.tuner.utils import linear_to_lora_layers

    train = load(real(name), options(name)[1::2]).recipe.train
    model = build(config)
    model.freeze()
    layers = len(model.layers) if train.num_layers == -1 else train.num_layers
    linear_to_lora_layers(model, layers, lora_parameters(train))
    assert sum(v.size for _, v in tree_flatten(model.trainable_parameters())) == expected
    assert f"{expected:,} parameters to train" in real(name).read_text()
