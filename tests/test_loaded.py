"""Models in memory: tokenizers of their own, and base and tuned in one process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conftest import MODEL
from mlxr.files import read_json, write_json
from mlxr.loaded import Arms, load_model
from train.runs import float_model
from trained_runs import random_adapter

CODE = """
from transformers import PreTrainedTokenizerFast


class Mine(PreTrainedTokenizerFast):
    own = True
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the demo's model with a tokenizer that is code in its folder."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "c"))
    folder = tmp_path / "model"
    shutil.copytree(MODEL, folder)
    (folder / "mine.py").write_text(CODE, encoding="utf-8")
    path = folder / "tokenizer_config.json"
    own = {"tokenizer_class": "Mine", "auto_map": {"AutoTokenizer": [None, "mine.Mine"]}}
    write_json(path, read_json(path) | own)
    return str(folder)


def test_a_tokenizer_of_its_own_is_loaded_where_it_is_trusted(model: str) -> None:
    _, tokenizer = load_model(model, trust_remote_code=True)
    assert tokenizer.own


def test_a_tokenizer_of_its_own_is_refused_where_it_is_not(model: str) -> None:
    with pytest.raises(ValueError, match="trust_remote_code"):
        load_model(model, trust_remote_code=False)


@pytest.mark.parametrize(
    ("kind", "quantised"), [("lora", True), ("lora", False), ("dora", False), ("full", False)]
)
def test_an_arm_is_what_mlx_lm_loads_also_after_the_other_was_used(
    tmp_path: Path, kind: str, quantised: bool
) -> None:
    import mlx.core as mx
    from mlx_lm import load

    model = MODEL if quantised else float_model(tmp_path / "model")
    folder = random_adapter(tmp_path / "adapter", model, kind, layers=1)
    ids = mx.array([[5, 300, 17, 42]])
    alone = {
        "base": load(str(model))[0](ids),
        "tuned": load(str(model), adapter_path=str(folder))[0](ids),
    }
    assert not mx.allclose(alone["base"], alone["tuned"], atol=1e-2)
    arms = Arms(str(model), str(folder), trust_remote_code=False)
    for arm in ("tuned", "base", "base", "tuned", "base"):
        assert mx.array_equal(arms.use(arm)(ids), alone[arm]), arm


def test_what_only_the_other_arm_has_is_not_in_memory(tmp_path: Path) -> None:
    """After full fine-tuning the base's arrays are read when the base is first used."""
    import mlx.core as mx
    from mlx.utils import tree_flatten

    model = float_model(tmp_path / "model")
    folder = random_adapter(tmp_path / "adapter", model, "full", layers=2)
    changed = sum(array.nbytes for array in mx.load(str(folder / "adapters.safetensors")).values())
    before = mx.get_active_memory()
    arms = Arms(str(model), str(folder), trust_remote_code=False)
    tuned = arms.use("tuned")
    whole = sum(array.nbytes for _, array in tree_flatten(tuned.parameters()))
    assert whole <= mx.get_active_memory() - before < whole + 0.5 * changed
    arms.use("base")
    assert mx.get_active_memory() - before >= whole + changed


def test_a_base_of_other_shapes_is_refused(tmp_path: Path) -> None:
    model = float_model(tmp_path / "model")
    folder = random_adapter(tmp_path / "adapter", model, layers=1)
    with pytest.raises(ValueError, match="incompatible tensors"):
        Arms(str(MODEL), str(folder), trust_remote_code=False)
