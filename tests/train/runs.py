"""What the tests of training share: a small model in floats, prepared recipes, events."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL, Ran
from mlxr.files import read_json, read_jsonl, write_json

Run = Callable[..., Ran]
Write = Callable[..., Path]
SCHEDULE = """
[train.lr_schedule]
name = "cosine"
warmup = 0.25
[train.lora_parameters]
rank = 4
scale = 2.0
dropout = 0.1
"""
"""What only an exact resume goes on with: a schedule and dropout."""
BEGUN = (r"^ *2 +validation",)
"""What a training says at its first validation after it began, where that is every two."""


@contextmanager
def started(*words: str | Path, until: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    """Start mlxr and wait until it has said, in turn, what each pattern of `until` finds."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mlxr", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    awaited = list(until)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            while awaited and re.search(awaited[0], line):
                awaited.pop(0)
            if not awaited:
                break
        else:
            pytest.fail(f"it ended and never said {awaited[0]!r}")
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def float_model(folder: Path) -> Path:
    """Write a model of 2 random layers, not quantised, with the demo's tokenizer."""
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.models.llama import Model, ModelArgs

    shutil.copytree(MODEL, folder, ignore=shutil.ignore_patterns("*.safetensors*"))
    config = {key: value for key, value in read_json(MODEL / "config.json").items()
              if not key.startswith("quantization")}  # fmt: skip
    config |= {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    config |= {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16}
    config |= {"tie_word_embeddings": False}
    write_json(folder / "config.json", config)
    mx.random.seed(5)
    weights = dict(tree_flatten(Model(ModelArgs.from_dict(config)).parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    return folder


def prepared(mlxr: Run, recipe: Path) -> Path:
    """Prepare a recipe's data and return the recipe."""
    ran = mlxr("prep", recipe)
    assert ran.code == 0, ran.err
    return recipe


def add(recipe: Path, text: str) -> Path:
    """Add lines to a recipe and return it."""
    recipe.write_text(recipe.read_text() + text)
    return recipe


def events(run: Path, *kinds: str) -> list[dict[str, Any]]:
    """Return the events of a run without what clocks and memory say."""
    noise = {"seconds", "peak_memory", "path"}
    return [
        {key: value for key, value in event.items() if key not in noise}
        for event in read_jsonl(run / "events.jsonl")
        if event["event"] in kinds
    ]


def stopped_at(whole: Path, iteration: int, number: str) -> Path:
    """Copy a finished run as one that was killed just before the checkpoint after `iteration`."""
    run = whole.with_name(number)
    shutil.copytree(whole, run)
    (run / "adapters.safetensors").unlink()
    for checkpoint in (run / "checkpoints").iterdir():
        if int(checkpoint.name) > iteration:
            shutil.rmtree(checkpoint)
    text = (run / "mlx_lm.yaml").read_text().replace(str(whole), str(run))
    (run / "mlx_lm.yaml").write_text(text)
    record = read_json(run / "run.json") | {"status": "running"}
    del record["result"]
    (run / "run.json").write_text(json.dumps(record))
    return run
