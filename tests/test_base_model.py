"""A base model gets its chat template from the recipe, everywhere; plain text needs none."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL, ROOT, Ran, questions

Run = Callable[..., Ran]
CHAT = """{% for m in messages %}{{ m.role }}: {{ m.content }}
{% if m.role == "assistant" %}{{ eos_token }}{% endif %}{% endfor %}
{%- if add_generation_prompt %}assistant: {% endif %}"""
SEEN = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from mlx_lm.tuner.datasets import load_local_dataset
from mlx_lm.utils import load_tokenizer
model, data = map(Path, sys.argv[1:])
train, *_ = load_local_dataset(data, load_tokenizer(model), SimpleNamespace(mask_prompt=True))
print(json.dumps([train.process(train[i]) for i in range(len(train))]))
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return the demo's model without its chat template."""
    folder = tmp_path / "base"
    shutil.copytree(MODEL, folder, ignore=shutil.ignore_patterns("chat_template*"))
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config.pop("chat_template", None)
    path.write_text(json.dumps(config))
    return folder


def test_without_a_chat_template_the_way_out_is_named(
    mlxr: Run, write_recipe: Callable[..., Path], base: Path
) -> None:
    ran = mlxr("prep", write_recipe(questions(40), model=base))
    assert ran.code == 1
    assert "has no chat template: it is a base model" in ran.err
    assert 'chat_template = "FILE.jinja"' in " ".join(ran.err.split())


def test_the_recipes_chat_template_is_used_from_prep_to_verdict(
    mlxr: Run, write_recipe: Callable[..., Path], base: Path, tmp_path: Path
) -> None:
    (tmp_path / "chat.jinja").write_text(CHAT)
    recipe = write_recipe(questions(60), model=base)
    recipe.write_text(f'chat_template = "chat.jinja"\n{recipe.read_text()}')
    for command in (["prep"], ["train", "--dry-run"], ["train"]):
        ran = mlxr(command[0], recipe, *command[1:])
        assert ran.code == 0, ran.err
        told = "/chat.jinja as chat_template.jinja" in " ".join(ran.out.split())
        assert told is ("--dry-run" in command)
    [run] = (tmp_path / "adapters").glob("*/0001")
    config = json.loads((run / "adapter_config.json").read_text())
    assert config["model"] == str(run / "model")
    assert (run / "model" / "chat_template.jinja").read_text() == CHAT
    data = tmp_path / "data" / run.parent.name
    asked = [sys.executable, "-c", SEEN, str(run / "model"), str(data)]
    theirs = json.loads(subprocess.run(asked, capture_output=True, check=True).stdout)
    records = [json.loads(line) for line in (data / "train.jsonl").open()]
    assert [[len(ids), offset] for ids, offset in theirs] == [
        [r["mlxr"]["tokens"], r["mlxr"]["offset"]] for r in records
    ]
    ran = mlxr("compare", recipe)
    assert ran.code in (0, 3, 4), ran.err
    [sample, *_] = map(json.loads, (run / "compare" / "samples.jsonl").open())
    assert sample["prompt"].startswith("user: Repeat: ")
    assert sample["prompt"].endswith("assistant: ")
    (tmp_path / "chat.jinja").write_text(CHAT + " ")
    ran = mlxr("compare", recipe)
    assert ran.code == 1
    assert "chat_template changed since" in ran.err


def test_plain_text_is_trained_whole_and_not_compared(
    mlxr: Run, write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = [{"text": row["question"]} for row in questions(60)]
    recipe = write_recipe(rows)
    text = recipe.read_text()
    recipe.write_text("\n".join(line for line in text.splitlines() if "template" not in line))
    ran = mlxr("prep", recipe)
    assert ran.code == 1
    assert "Set train.mask_prompt = false" in ran.err
    recipe.write_text(recipe.read_text().replace("[train]", "[train]\nmask_prompt = false"))
    for command in ("prep", "train"):
        ran = mlxr(command, recipe)
        assert ran.code == 0, ran.err
    ran = mlxr("compare", recipe)
    assert ran.code == 1
    assert "plain text" in ran.err


def test_nothing_is_linked_for_a_model_with_a_chat_template(
    mlxr: Run, write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    recipe = write_recipe(questions(40))
    assert mlxr("prep", recipe).code == 0
    assert mlxr("train", recipe).code == 0
    assert not list((tmp_path / "adapters").glob("*/*/model"))
    assert str(ROOT) in (tmp_path / "adapters" / recipe.stem / "0001" / "mlx_lm.yaml").read_text()
