"""Models that mlx_lm cannot answer in batches as it answers each prompt: they are asked in turn.

Tiny models of random weights: Llama 4 (chunked caches, which cannot be joined), Mamba (which
reads padding as text), Gemma 3 (sliding windows, which can be batched).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL, Ran, questions
from mlxr.compare.generate import answers, batch_plan, can_batch

SIZES = {
    "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2,
    "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 1024,
}  # fmt: skip
CONFIGS: dict[str, dict[str, Any]] = {
    "llama4": {
        "text_config": {
            **SIZES, "model_type": "llama4_text", "attention_bias": False, "rms_norm_eps": 1e-5,
            "attention_chunk_size": 16, "interleave_moe_layer_step": 8, "intermediate_size_mlp": 32,
            "max_position_embeddings": 512, "num_experts_per_tok": 1, "num_hidden_layers": 4,
            "num_local_experts": 1, "rope_scaling": None, "rope_theta": 1e4, "use_qk_norm": False,
        },
    },
    "mamba": {
        "hidden_size": 16, "intermediate_size": 32, "vocab_size": 1024, "num_hidden_layers": 2,
        "state_size": 4, "conv_kernel": 4, "use_bias": False, "use_conv_bias": True,
        "time_step_rank": 4,
    },
    "gemma3_text": {
        **SIZES, "num_hidden_layers": 2, "query_pre_attn_scalar": 8, "sliding_window": 8,
        "sliding_window_pattern": 2,
    },
}  # fmt: skip
TOGETHER = {"llama4": False, "mamba": False, "gemma3_text": True}


@pytest.fixture(params=CONFIGS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a model of one architecture with the demo's tokenizer."""
    return made(request.param, tmp_path / request.param)


def made(kind: str, folder: Path) -> Path:
    import mlx.core as mx
    from mlx.utils import tree_flatten

    shutil.copytree(MODEL, folder, ignore=shutil.ignore_patterns("*.safetensors*"))
    config = {"model_type": kind, "eos_token_id": 0, **CONFIGS[kind]}
    (folder / "config.json").write_text(json.dumps(config))
    module = import_module(f"mlx_lm.models.{kind}")
    mx.random.seed(1)
    model = module.Model(module.ModelArgs.from_dict(config))
    weights = dict(tree_flatten(model.parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    return folder


def test_answers_are_those_of_each_prompt_alone(folder: Path) -> None:
    from mlx_lm import load, stream_generate

    model, tokenizer = load(str(folder))
    prompts = [[5 + (7 * i * k) % 900 for k in range(1, 4 + 5 * i)] for i in range(1, 6)]
    together = can_batch(model, prompts)
    assert together == TOGETHER[folder.name]
    plan = batch_plan([len(prompt) for prompt in prompts], 3 if together else 1)
    made = answers(model, tokenizer, prompts, plan, 12, together=together)
    found = {i: a for batch in made for i, a in zip(batch.places, batch.answers, strict=True)}
    for i, prompt in enumerate(prompts):
        alone = list(stream_generate(model, tokenizer, prompt, max_tokens=12))
        assert found[i].token_ids == [r.token for r in alone if r.finish_reason != "stop"]
        assert found[i].finish == alone[-1].finish_reason


@pytest.mark.parametrize("together", [True, False])
def test_both_ways_stop_by_the_same_rules(together: bool) -> None:
    """Every token is made the stop token in turn, the last one allowed among them."""
    from mlx_lm import load

    model, tokenizer = load(str(MODEL))
    prompt = tokenizer.encode("Repeat: Talven 7")
    [batch] = answers(model, tokenizer, [prompt], [[0]], 6, together=together)
    whole = batch.answers[0].token_ids
    assert (len(whole), batch.answers[0].finish) == (6, "length")
    for token in set(whole):
        tokenizer.eos_token_ids = {token}
        [batch] = answers(model, tokenizer, [prompt], [[0]], 6, together=together)
        assert batch.answers[0].token_ids == whole[: whole.index(token)]
        assert batch.answers[0].finish == "stop"


def test_it_is_said_once_and_written_down(
    mlxr: Callable[..., Ran], write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    model = made("llama4", tmp_path / "model")
    extra = "[compare]\nlimit = 12\nmax_tokens = 6\n"
    recipe = write_recipe(questions(90), model=model, iters=2, learning_rate=0.01, extra=extra)
    for command in ("prep", "train"):
        ran = mlxr(command, recipe)
        assert ran.code == 0, ran.err
    ran = mlxr("compare", recipe)
    assert ran.code in {0, 3, 4}, ran.err
    assert " ".join(ran.err.split()).count("so both arms were asked one by one") == 1
    [written] = tmp_path.glob("adapters/r/0001/compare/compare.json")
    generate = json.loads(written.read_text())["provenance"]["generate"]
    assert generate == {"temperature": 0, "max_tokens": 6, "batch_size": 1}
