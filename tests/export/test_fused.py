"""A fused model, made and proved by real children: what is kept, refused, and left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import MODEL, Ran, left
from mlxr.export.sizes import sizes
from mlxr.files import read_json, write_json
from mlxr.units import byte_size

Run = Callable[..., Ran]


def test_a_quantised_base_is_fused_into_floats_and_proved(mlxr: Run, run: Path) -> None:
    ran = mlxr("export")
    assert ran.code == 0, ran.err
    folder = Path("exports/r-0001-mlx")
    assert left(Path("exports")) == {"r-0001-mlx"}
    assert left(folder) == {
        "README.md", "chat_template.jinja", "config.json", "export.json", "model.safetensors",
        "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert "quantization" not in read_json(folder / "config.json")
    proof = read_json(folder / "export.json")["proof"]
    assert proof["prompts"] == 10
    assert proof["equal"] == 10
    assert proof["different"] == []
    assert proof["kept"] > 0.999
    assert proof["base_mean"] > 100 * proof["mean"]
    for text in (ran.out, (folder / "README.md").read_text()):
        assert "equal greedy answers, up to 128 tokens: 10 of 10 (100.0 %)" in text
        assert "effect on the logits: " in text
    assert sizes(MODEL).floats == sizes(folder).as_is
    said = f"re-quantised it would take {byte_size(sizes(MODEL).as_is)}"
    assert said in ran.err.replace("\n", " ")
    assert "mlx_lm generate --model exports/r-0001-mlx" in ran.err

    again = mlxr("export", "r/0001", "--push", "me/m")
    assert again.code == 1
    assert "exists already, and nothing is overwritten" in again.err
    assert "hf upload me/m" in again.err


def test_quantising_again_is_refused_with_the_figures_or_kept_on_your_word(
    mlxr: Run, run: Path
) -> None:
    lossy = mlxr("export", "r/0001", "--requantize")
    assert lossy.code == 1
    assert "Much of what the adapter does was lost in fusing" in lossy.err
    assert "equal greedy answers, " in lossy.err
    assert "% kept" in lossy.err
    assert f"In floats ({byte_size(sizes(MODEL).floats)}): mlxr export r/0001" in lossy.err
    assert left(Path("exports")) == set()

    kept = mlxr("export", "r/0001", "--requantize", "--allow-lossy", "--to", "x", "--json")
    assert kept.code == 0, kept.err
    assert kept.err == ""
    document = json.loads(kept.out)
    assert document["proof"]["lost"] is True
    assert document["folder"] == str(Path("x").absolute())
    assert read_json(Path("x/config.json"))["quantization"]["bits"] == 4
    assert sizes(Path("x")).as_is == sizes(MODEL).as_is
    card = Path("x/README.md").read_text()
    assert "Much of what the adapter does was lost" in card
    assert f"{document['proof']['equal']} of 10" in card


def test_a_plain_text_is_proved_on_its_second_half(mlxr: Run, run: Path) -> None:
    path = Path("data/r/test.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    texts = [{"text": row["messages"][0]["content"], "mlxr": row["mlxr"]} for row in rows]
    path.write_text("".join(json.dumps(text) + "\n" for text in texts))
    ran = mlxr("export", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["proof"]["base_mean"] > 0


def test_a_child_that_fails_leaves_its_log_and_nothing_else(mlxr: Run, run: Path) -> None:
    write_json(run / "adapter_config.json", {"num_layers": 99, "lora_parameters": {}})
    ran = mlxr("export")
    assert ran.code == 1
    assert "Fusing failed: " in ran.err
    assert "Traceback" not in ran.err
    assert left(Path("exports")) == set()
    log = Path(ran.err.split()[-1])
    assert "Traceback" in log.read_text()
    log.unlink()


def test_an_interrupted_export_leaves_nothing(
    mlxr: Run, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        assert len(left(logs)) == 1
        raise KeyboardInterrupt

    logs = tmp_path / "logs"
    logs.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(logs))
    monkeypatch.setattr("mlxr.process.Child.events", interrupted)
    assert mlxr("export").code == 130
    assert left(Path("exports")) == set()
    assert left(logs) == set()
