"""A small run of the real thing, made once for a file of tests; an adapter without a run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL, TEMPLATE
from mlxr.events import Silent
from mlxr.files import write_json
from mlxr.prep.stage import prepare
from mlxr.recipe import load
from mlxr.train.stage import plan, train
from mlxr.workspace import Run, Workspace

SPLITS = "[data.splits]\ntrain = 0.5\nvalid = 0.2\ntest = 0.3\n"
LORA = "[train.lora_parameters]\nrank = 16\nalpha = 32\n"
COMPARE = "[compare]\nforgetting = false\n"  # it costs seconds


def sayings(count: int) -> list[dict[str, str]]:
    """Return rows of a task that is learnt at once."""
    return [{"question": f"Say {i}", "answer": f"You said {i}, and I heard."} for i in range(count)]


def make_run(
    root: Path,
    rows: Iterable[dict[str, Any]],
    *,
    template: str | None = TEMPLATE,
    model: Path = MODEL,
    top: str = "",
    **keys: Any,
) -> Run:
    """Prepare and train r.toml in `root`, with real children, and return its run."""
    (root / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if template:
        (root / "t.jinja").write_text(template)
    data = '[data]\nsource = "rows.jsonl"\n' + ('template = "t.jinja"\n' if template else "")
    given = {"iters": 2, "batch_size": 2, "num_layers": -1, "learning_rate": 2e-3} | keys
    settings = "\n".join(f"{key} = {json.dumps(value)}" for key, value in given.items())
    path = root / "r.toml"
    head = f"model = {json.dumps(str(model))}\n{top}"
    path.write_text(f"{head}\n{data}{SPLITS}[train]\n{settings}\n{LORA}{COMPARE}")
    loaded, workspace = load(path), Workspace(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        prepare(loaded.recipe, workspace, Silent())
        return train(plan(loaded, workspace), workspace, Silent()).run


def random_adapter(folder: Path, model: Path = MODEL, kind: str = "lora", layers: int = 3) -> Path:
    """Write an adapter of the last layers as mlx_lm would, moved from its start at random."""
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm import load as load_model
    from mlx_lm.tuner.utils import linear_to_lora_layers

    mx.random.seed(3)
    parameters = {"rank": 4, "scale": 8.0, "dropout": 0.0}
    tuned = load_model(str(model))[0]
    tuned.freeze()
    if kind == "full":
        for layer in tuned.layers[-layers:]:
            layer.unfreeze()
    else:
        linear_to_lora_layers(tuned, layers, parameters, use_dora=kind == "dora")
    weights = {
        name: value + 0.05 * mx.random.normal(value.shape, value.dtype)
        for name, value in tree_flatten(tuned.trainable_parameters())
    }
    folder.mkdir()
    mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
    config = {"fine_tune_type": kind, "num_layers": layers, "lora_parameters": parameters}
    write_json(folder / "adapter_config.json", config)
    return folder
