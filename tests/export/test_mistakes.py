"""The likeliest mistakes with `mlxr export`, each said before any work."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Ran
from mlxr.files import file_sha256, read_json, write_json

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


def test_a_link_is_not_replaced(mlxr: Run) -> None:
    Path("empty").mkdir()
    for name in ("empty", "nowhere"):
        Path("link").symlink_to(name)
        failed(mlxr("export", "--as", "adapter", "--to", "link"), "link is a link", "--to")
        assert Path("link").readlink() == Path(name)
        Path("link").unlink()


@pytest.mark.parametrize("to", ["adapters/r/0002", "data/mine", "exports/../adapters/x"])
def test_what_is_mlxrs_own_place(mlxr: Run, to: str) -> None:
    failed(mlxr("export", "--as", "adapter", "--to", to), "would pass for one", "--to exports")
    assert not Path(to).exists()


@pytest.mark.parametrize("form", ["mlx", "adapter", "peft", "ollama"])
def test_weights_that_are_cut_short(mlxr: Run, run: Path, form: str) -> None:
    for folder, name in ((run, "r/0001"), (run / "best", "r/0001@best")):
        weights = folder / "adapters.safetensors"
        for size in (weights.stat().st_size - 1, 40, 0):
            os.truncate(weights, size)
            ran = mlxr("export", name, "--as", form)
            failed(ran, "adapters.safetensors is not as `mlxr train` wrote it", "mlxr train ")


def test_weights_that_are_of_another_run(mlxr: Run, run: Path) -> None:
    weights = run / "adapters.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    ran = mlxr("export", "--as", "adapter")
    failed(ran, "changed since", "r/0001@best")
    assert mlxr("export", "r/0001@best", "--as", "adapter").code == 0


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("adapters/r/0001/run.json", ["data", "sha256"]),
        ("data/r/manifest.json", ["splits", "train", "sha256"]),
        ("data/r/manifest.json", ["splits", "test", "rows"]),
    ],
)
def test_a_damaged_file_is_named(mlxr: Run, name: str, keys: list[str]) -> None:
    document = read_json(Path(name))
    place = document
    for key in keys[:-1]:
        place = place[key]
    del place[keys[-1]]
    write_json(Path(name), document)
    for form in ("mlx", "adapter"):
        failed(mlxr("export", "--as", form), f"{name} is not as mlxr wrote it", "Put it back")


@pytest.mark.parametrize("key", ["versions", "recipe_path", "data"])
def test_a_record_with_odd_values_is_named(mlxr: Run, run: Path, key: str) -> None:
    record = read_json(run / "run.json")
    write_json(run / "run.json", record | {key: None})
    failed(mlxr("export", "--as", "adapter"), "run.json is not as `mlxr train` wrote it")


def test_a_damaged_comparison_or_audit_is_named(mlxr: Run, run: Path) -> None:
    provenance = {"adapter_sha256": file_sha256(run / "adapters.safetensors")}
    audit, compared = Path("data/r/audit.json"), run / "compare/compare.json"
    write_json(audit, {"findings": [{"level": "warning"}]})
    failed(mlxr("export"), "data/r/audit.json is not as mlxr wrote it")
    compared.parent.mkdir()
    write_json(compared, {"provenance": provenance, "verdict": {"label": "IMPROVED"}})
    failed(mlxr("export"), "compare/compare.json is not as mlxr wrote it")


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
    failed(mlxr("export"), "Fusing takes 2.7", "has 1.00 MB free", "--as adapter")


def test_test_rows_that_are_gone(mlxr: Run) -> None:
    Path("data/r/test.jsonl").unlink()
    failed(mlxr("export"), "proved on test prompts", "test.jsonl", "--as adapter")


def test_wrong_usage(mlxr: Run) -> None:
    assert mlxr("export", "--as", "onnx").code == 2
    assert mlxr("export", "--public").code == 2
    assert mlxr("export", "--as", "gguf", "--requantize").code == 2
    assert mlxr("export", "--prompts", "0").code == 2
