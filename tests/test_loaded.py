"""A tokenizer that is Python code of its own is loaded where it is trusted, and only there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conftest import MODEL
from mlxr.files import read_json, write_json
from mlxr.loaded import load_model

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
