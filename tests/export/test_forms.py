"""GGUF and Ollama: what is written, and what mlx-lm cannot write."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Ran
from export.conftest import make
from mlxr.export.gguf import obstacle
from mlxr.files import read_json, write_json
from train.runs import float_model

Run = Callable[..., Ran]
SENTENCEPIECE: dict[str, Any] = {"model": {"type": "BPE", "byte_fallback": True}}


@pytest.mark.parametrize(
    ("config", "tokenizer", "reason"),
    [
        ({"model_type": "llama"}, SENTENCEPIECE, ""),
        ({"model_type": "mistral"}, {"model": {"type": "Unigram"}}, ""),
        ({"model_type": "qwen2"}, SENTENCEPIECE, "its model_type is qwen2"),
        ({"model_type": "llama"}, None, "it has no tokenizer.json"),
        ({"model_type": "llama"}, {"model": {"type": "BPE"}}, "its tokenizer is not SentencePiece"),
        (
            {"model_type": "llama", "rope_scaling": {"rope_type": "llama3"}},
            SENTENCEPIECE,
            "its RoPE scaling is llama3",
        ),
        ({"model_type": "llama", "rope_scaling": {"type": "linear"}}, SENTENCEPIECE, ""),
    ],
)
def test_what_mlx_lm_writes_as_gguf(
    config: dict[str, Any], tokenizer: dict[str, Any] | None, reason: str
) -> None:
    found = obstacle(config, tokenizer)
    assert found.startswith(reason) if reason else not found


def test_gguf_holds_the_fused_weights(mlxr: Run, tmp_path: Path) -> None:
    import mlx.core as mx
    import numpy as np

    model = float_model(tmp_path / "m")
    tokenizer = read_json(model / "tokenizer.json")
    tokenizer["model"]["byte_fallback"] = True  # as in one made from SentencePiece
    write_json(model / "tokenizer.json", tokenizer)
    make(tmp_path, model=model)
    for form in ("mlx", "gguf"):
        ran = mlxr("export", "--as", form, "--prompts", "2")
        assert ran.code == 0, ran.err
    folder = Path("exports/r-0001-gguf")
    assert {p.name for p in folder.iterdir()} == {"README.md", "export.json", "model.gguf"}
    assert "before mlx-lm turned them into 16-bit GGUF" in (folder / "README.md").read_text()
    written: Any = mx.load(str(folder / "model.gguf"))
    fused: Any = mx.load("exports/r-0001-mlx/model.safetensors")
    assert len(written) == len(fused)
    for ours, theirs in (
        ("model.layers.1.mlp.down_proj.weight", "blk.1.ffn_down.weight"),
        ("model.layers.1.self_attn.v_proj.weight", "blk.1.attn_v.weight"),
    ):
        np.testing.assert_array_equal(np.array(written[theirs]), np.array(fused[ours]))


def test_a_modelfile_asks_as_it_was_trained(mlxr: Run, run: Path) -> None:
    path = Path("data/r/test.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row["messages"].insert(0, {"role": "system", "content": "Say it again."})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = mlxr("export", "--as", "ollama", "--prompts", "2")
    assert ran.code == 0, ran.err
    folder = Path("exports/r-0001-ollama")
    assert (folder / "Modelfile").read_text() == (
        "FROM .\n"
        'TEMPLATE """{{ range $i, $_ := .Messages }}{{ if eq .Role "system" }}<|system|>'
        '{{ .Content }}{{ else if eq .Role "user" }}{{ if eq $i 0 }}<|user|>'
        "{{ else if and (eq $i 1) $.System }}<|end|><|user|>{{ else }}<|end|><|user|>{{ end }}"
        '{{ .Content }}<|end|><|assistant|>{{ else }}{{ .Content }}{{ end }}{{ end }}"""\n'
        'SYSTEM """Say it again."""\n'
        "PARAMETER temperature 0\n"
        'PARAMETER stop "<|end|>"\n'
    )
    assert read_json(folder / "tokenizer_config.json")["add_bos_token"] is False
    assert "quantization" not in read_json(folder / "config.json")
    assert "ollama create r -f Modelfile" in ran.err


@pytest.mark.usefixtures("no_child")
def test_a_chat_template_that_does_more_is_refused_before_any_work(
    mlxr: Run, tmp_path: Path
) -> None:
    counted = (
        "{% for m in messages %}<|{{ m.role }}|>{{ loop.index }}{{ m.content }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    (tmp_path / "c.jinja").write_text(counted)
    make(tmp_path, head='chat_template = "c.jinja"')
    ran = mlxr("export", "--as", "ollama")
    assert ran.code == 1
    assert "Ollama's TEMPLATE could not write" in ran.err
    assert "--as mlx" in ran.err
