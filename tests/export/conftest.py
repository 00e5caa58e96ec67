"""A trained run of a small task, made once and copied into each test's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL, TEMPLATE, questions
from mlxr.events import Silent
from mlxr.prep.stage import prepare
from mlxr.recipe import load
from mlxr.train.stage import plan, train
from mlxr.workspace import Workspace

RECIPE = """
model = {model}
{head}
[data]
source = "rows.jsonl"
template = "t.jinja"
[data.splits]
train = 0.6
valid = 0.2
test = 0.2
[train]
iters = 12
batch_size = 2
num_layers = 1
learning_rate = 5e-4
steps_per_eval = 12
{train}
[compare]
max_tokens = 8
"""

Trained = Callable[..., Path]


def make(folder: Path, *, model: Path = MODEL, head: str = "", train_keys: str = "") -> Path:
    """Prepare and train recipe r in `folder`, and return that."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row) + "\n" for row in questions(40)]
    (folder / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "t.jinja").write_text(TEMPLATE, encoding="utf-8")
    text = RECIPE.format(model=json.dumps(str(model)), head=head, train=train_keys)
    (folder / "r.toml").write_text(text, encoding="utf-8")
    loaded, workspace = load(folder / "r.toml"), Workspace(folder)
    prepare(loaded.recipe, workspace, Silent())
    train(plan(loaded, workspace), workspace, Silent())
    return folder


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the workspace of the one run, on the demo's 4-bit model."""
    return make(tmp_path_factory.mktemp("trained") / "w")


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    """Return the run r/0001 in the test's own folder."""
    for name in ("data", "adapters"):
        shutil.copytree(original / name, tmp_path / name, symlinks=True)
    return tmp_path / "adapters/r/0001"


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where mlx_lm would be started: what is wrong is to be said before."""

    def started(*_: Any) -> None:
        raise AssertionError("a child was started")

    monkeypatch.setattr("mlxr.export.fused._run_child", started)
