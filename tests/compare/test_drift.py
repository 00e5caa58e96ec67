"""Drift: the base inside a tuned model is the base, and the divergence is exact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL
from mlxr.compare.drift import ROWS, Pair, spread, written_drift
from trained_runs import random_adapter

ROWS_ASKED = [
    ([50, 60, 70], [80, 90, 100, 7], True),
    ([51, 61, 71, 81, 91], [5], False),
    ([52], [], True),
    ([53, 54], [300, 301, 302, 303, 304, 305], False),
]


def whole(folder: Path) -> Path:
    """Return the demo's model without quantisation, which full fine-tuning needs."""
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.utils import dequantize_model, load_model, save_model

    model, config = load_model(MODEL)
    model = dequantize_model(model)
    config = {k: v for k, v in config.items() if not k.startswith("quantization")}
    folder.mkdir()
    save_model(folder, model)
    mx.eval([v for _, v in tree_flatten(model.parameters())])
    (folder / "config.json").write_text(json.dumps(config))
    for path in MODEL.iterdir():
        if not (folder / path.name).exists() and "safetensors" not in path.name:
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


def independent(tuned: Any, base: Any, row: tuple[list[int], list[int], bool]) -> float:
    """Compute the divergence of one unpadded row in float64, from two models."""
    import mlx.core as mx
    import numpy as np

    prompt, answer, ended = row

    def logs(model: Any) -> Any:
        found = np.array(model(mx.array([[*prompt, *answer]]))[0].astype(mx.float32), np.float64)
        found -= found.max(-1, keepdims=True)
        return found - np.log(np.exp(found).sum(-1, keepdims=True))

    one, other = logs(tuned), logs(base)
    each = (np.exp(one) * (one - other)).sum(-1)
    start = len(prompt) - 1
    return float(each[start : start + len(answer) + ended].sum())


@pytest.mark.parametrize("kind", ["lora", "dora", "full"])
def test_the_divergence_is_that_of_two_models_loaded_apart(tmp_path: Path, kind: str) -> None:
    from mlx_lm import load

    model = whole(tmp_path / "model") if kind == "full" else MODEL
    place = random_adapter(tmp_path / "adapter", model, kind)
    tuned, base = load(str(model), adapter_path=str(place))[0], load(str(model))[0]
    pair = Pair(load(str(model), adapter_path=str(place))[0], lambda: load(str(model))[0])
    for batch in (1, 4):
        found = written_drift(pair, ROWS_ASKED, batch)
        assert [n for _, n in found] == [5, 1, 1, 6]
        expected = [independent(tuned, base, row) for row in ROWS_ASKED]
        assert [kl for kl, _ in found] == pytest.approx(expected, rel=1e-3, abs=1e-6)
        assert min(expected) > 1e-3


def test_the_tuned_model_is_itself_again_afterwards(tmp_path: Path) -> None:
    import mlx.core as mx
    from mlx_lm import load

    place = random_adapter(tmp_path / "adapter", kind="dora")
    tuned = load(str(MODEL), adapter_path=str(place))[0]
    asked = mx.array([[50, 60, 70]])
    before = tuned(asked)
    after, base = Pair(tuned, lambda: None).logits(asked)
    assert mx.array_equal(after, tuned(asked).astype(mx.float32))
    assert mx.array_equal(before, tuned(asked))
    assert mx.array_equal(base, load(str(MODEL))[0](asked).astype(mx.float32))


def test_a_base_has_not_moved_from_itself() -> None:
    from mlx_lm import load

    base = load(str(MODEL))[0]
    found = written_drift(Pair(base, lambda: base), ROWS_ASKED, 4)
    assert [kl for kl, _ in found] == [0, 0, 0, 0]


def test_the_samples_are_spread_over_all() -> None:
    assert spread(3) == [0, 1, 2]
    assert spread(0) == []
    found = spread(1000)
    assert (len(found), found[0], found[-1]) == (ROWS, 0, 984)
    assert len(set(found)) == ROWS
