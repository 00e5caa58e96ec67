"""The likeliest mistakes with `mlxr export`, each said before any work."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Ran
from mlxr.files import read_json, write_json

Run = Callable[..., Ran]
pytestmark = pytest.mark.usefixtures("run", "no_child")


def failed(ran: Ran, *parts: str) -> None:
    assert ran.code == 1
    assert ran.out == ""
    assert "\n→ " in ran.err
    for part in parts:
        assert part in ran.err
    exports = Path("exports")
    assert not exports.exists() or list(exports.iterdir()) == []


def test_no_such_run(mlxr: Run) -> None:
    failed(mlxr("export", "r/0007"), "There is no run 'r/0007'.", "r/0001")
    failed(mlxr("export", "r/0001@99"), "no checkpoint '99'", "best")


def test_a_run_without_weights(mlxr: Run, run: Path) -> None:
    (run / "adapters.safetensors").unlink()
    failed(mlxr("export"), "Run r/0001 has no adapter", "mlxr train ")


@pytest.mark.parametrize("form", ["mlx", "gguf", "ollama", "peft"])
def test_a_base_that_is_gone(mlxr: Run, run: Path, form: str, tmp_path: Path) -> None:
    _lose_the_base(run, tmp_path)
    failed(mlxr("export", "--as", form), "base model of run r/0001 is gone", "put the model back")


def test_an_adapter_needs_no_base(mlxr: Run, run: Path, tmp_path: Path) -> None:
    _lose_the_base(run, tmp_path, chat_template=str(tmp_path / "gone.jinja"))
    (run / "model").mkdir()
    (run / "model" / "chat_template.jinja").write_text("its own")
    assert mlxr("export", "--as", "adapter", "--to", "plain").code == 0
    assert Path("plain/chat_template.jinja").read_text() == "its own"


def _lose_the_base(run: Path, tmp_path: Path, **keys: str) -> None:
    record = read_json(run / "run.json")
    record["recipe"] |= {"model": str(tmp_path / "gone"), **keys}
    write_json(run / "run.json", record)


def test_a_folder_that_is_taken(mlxr: Run) -> None:
    taken = Path("mine")
    taken.mkdir()
    (taken / "thesis.txt").write_text("keep me")
    failed(mlxr("export", "--to", "mine"), "mine exists already", "--to")
    assert (taken / "thesis.txt").read_text() == "keep me"
    failed(mlxr("export", "--to", "mine/thesis.txt"), "thesis.txt exists already")


def test_gguf_of_a_model_that_mlx_lm_cannot_convert(mlxr: Run) -> None:
    failed(
        mlxr("export", "--as", "gguf"),
        "mlx-lm cannot write model as GGUF: its tokenizer is not SentencePiece",
        "mlxr export r/0001 --as mlx",
        "convert_hf_to_gguf.py",
    )


def test_quantising_what_was_never_quantised(mlxr: Run, run: Path, tmp_path: Path) -> None:
    from train.runs import float_model

    record = read_json(run / "run.json")
    record["recipe"]["model"] = str(float_model(tmp_path / "floats"))
    write_json(run / "run.json", record)
    failed(mlxr("export", "--requantize"), "floats is not quantised: there is nothing to re-quant")


def test_a_full_disk(mlxr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 10, 1_000_000))
    failed(mlxr("export"), "Fusing takes 2.7 MB", "has 1.0 MB free", "--as adapter")


def test_test_rows_that_are_gone(mlxr: Run) -> None:
    Path("data/r/test.jsonl").unlink()
    failed(mlxr("export"), "proved on test prompts", "test.jsonl", "--as adapter")


def test_wrong_usage(mlxr: Run) -> None:
    assert mlxr("export", "--as", "onnx").code == 2
    assert mlxr("export", "--public").code == 2
    assert mlxr("export", "--as", "gguf", "--requantize").code == 2
    assert mlxr("export", "--prompts", "0").code == 2
