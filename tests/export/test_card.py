"""The model card says what is known, and only that."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Ran
from mlxr.files import file_sha256, read_json, write_json

Run = Callable[..., Ran]


def written(mlxr: Run) -> tuple[dict[str, Any], str]:
    """Export the plain adapter and return its card's front matter and text."""
    from huggingface_hub import ModelCard

    ran = mlxr("export", "--as", "adapter", "--to", "out")
    assert ran.code == 0, ran.err
    card = ModelCard.load("out/README.md")
    return dict(card.data.to_dict()), card.text


def test_a_card_without_a_comparison(mlxr: Run, run: Path) -> None:
    front, text = written(mlxr)
    assert front == {
        "library_name": "mlx",
        "pipeline_tag": "text-generation",
        "tags": ["mlx", "lora", "mlxr"],
    }
    assert "It was not compared with it, so nobody knows." in text
    splits = read_json(Path("data/r/manifest.json"))["splits"]
    counts = ", ".join(f"{splits[name]['rows']} {name}" for name in ("train", "valid", "test"))
    assert f"- rows.jsonl\n- rows: {counts}\n" in text
    assert "do not name its licence" in text
    assert "--adapter-path . " in text
    recipe = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    assert recipe["train"]["learning_rate"] == 5e-4
    assert recipe["data"]["splits"]["train"] == 0.6
    assert recipe["data"]["template"] == "t.jinja"
    audit = read_json(Path("data/r/audit.json"))["findings"]
    for finding in audit:
        assert (f"`{finding['code']}`" in text) is (finding["level"] != "info")


def test_the_verdict_is_that_of_these_weights(mlxr: Run, run: Path) -> None:
    compared: dict[str, Any] = {
        "verdict": {"label": "IMPROVED", "text": "The tuned model is better."},
        "alarms": [{"code": "FEW", "message": "Few samples."}],
        "findings": [{"code": "remainder", "level": "warning", "message": "Half a batch."}],
        "provenance": {"adapter_sha256": file_sha256(run / "adapters.safetensors")},
    }
    (run / "compare").mkdir()
    write_json(run / "compare/compare.json", compared)
    _, text = written(mlxr)
    assert "**IMPROVED** The tuned model is better." in text
    assert "- `FEW`: Few samples.\n- `remainder`: Half a batch." in text
    compared["provenance"]["adapter_sha256"] = "of others"
    write_json(run / "compare/compare.json", compared)
    Path("out").rename("first")
    assert "It was not compared" in written(mlxr)[1]


def test_a_base_and_data_from_the_hub_are_linked(
    mlxr: Run, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "cached"
    base.mkdir()
    (base / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Small\n")
    monkeypatch.setattr("mlxr.export.job.locate", lambda *_, **__: base)
    record = read_json(run / "run.json")
    record["recipe"]["model"] = "owner/small"
    record["recipe"]["data"] |= {"source": "owner/rows", "revision": "abc123"}
    write_json(run / "run.json", record)
    front, text = written(mlxr)
    assert front["base_model"] == "owner/small"
    assert front["base_model_relation"] == "adapter"
    assert front["datasets"] == ["owner/rows"]
    assert front["license"] == "apache-2.0"
    assert "- owner/rows, revision abc123\n" in text
    assert "That of the base model: apache-2.0." in text
    assert "mlx_lm generate --model owner/small" in text


def test_a_base_whose_card_is_broken_has_no_known_licence(
    mlxr: Run, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "cached"
    base.mkdir()
    (base / "README.md").write_bytes(b"---\nlicense: [\xff\n---\n")
    monkeypatch.setattr("mlxr.export.job.locate", lambda *_, **__: base)
    front, text = written(mlxr)
    assert "license" not in front
    assert "do not name its licence" in text
