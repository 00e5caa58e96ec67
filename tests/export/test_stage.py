"""What an export is made of, for each kind of training and form."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import MODEL, Ran, left
from export.conftest import make
from mlxr.files import file_sha256, read_json
from train.runs import float_model

Run = Callable[..., Ran]
QWEN = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def test_the_plain_adapter_tells_nothing_of_this_machine(mlxr: Run, run: Path) -> None:
    ran = mlxr("export", "r/0001@best", "--as", "adapter", "--to", "out")
    assert ran.code == 0, ran.err
    out = Path("out")
    assert left(out) == {"README.md", "adapter_config.json", "adapters.safetensors", "export.json"}
    best = run / "best/adapters.safetensors"
    assert file_sha256(out / "adapters.safetensors") == file_sha256(best)
    config = read_json(out / "adapter_config.json")
    assert config["lora_parameters"] == read_json(run / "adapter_config.json")["lora_parameters"]
    for name in ("README.md", "adapter_config.json", "export.json"):
        text = (out / name).read_text()
        assert str(MODEL.parent) not in text
        assert str(Path.cwd().parent.parent) not in text
    assert f"--model {MODEL} --adapter-path out" in ran.err  # but the command here is to work


def test_the_recipes_chat_template_goes_with_the_model(mlxr: Run, tmp_path: Path) -> None:
    (tmp_path / "q.jinja").write_text(QWEN)
    make(tmp_path, head='chat_template = "q.jinja"')
    (tmp_path / "q.jinja").write_text("changed since")
    for form in ("mlx", "adapter"):
        ran = mlxr("export", "--as", form, "--prompts", "2")
        assert ran.code == 0, ran.err
        assert (tmp_path / f"exports/r-0001-{form}/chat_template.jinja").read_text() == QWEN
    assert "trained with a chat template of its own" in ran.err


@pytest.mark.parametrize("kind", ["dora", "full"])
def test_every_kind_of_training_is_fused(mlxr: Run, tmp_path: Path, kind: str) -> None:
    model = float_model(tmp_path / "m")
    make(tmp_path, model=model, train_keys=f'fine_tune_type = "{kind}"')
    ran = mlxr("export", "--json", "--prompts", "4")
    assert ran.code == 0, ran.err
    proof = json.loads(ran.out)["proof"]
    assert proof["equal"] == proof["prompts"] == 4
    assert proof["kept"] > 0.99
