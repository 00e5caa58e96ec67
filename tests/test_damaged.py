"""The files that mlxr keeps, damaged, before the commands that read them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Ran
from mlxr.files import read_json, write_json
from trained_runs import make_run, sayings

Run = Callable[..., Ran]
RUN = "adapters/r/0001"
READERS = {
    "data/r/manifest.json": ["prep r.toml", "train r.toml", "plan r.toml --no-measure", "compare",
                             "runs show", "chat r/0001 Hello", "export"],
    "data/r/audit.json": ["compare", "runs show", "export"],
    f"{RUN}/run.json": ["compare", "runs show", "chat r/0001 Hello", "export", "watch"],
    f"{RUN}/compare/compare.json": ["runs show", "runs diff r/0001 r/0001", "export"],
    f"{RUN}/adapter_config.json": ["compare", "chat r/0001 Hello", "export",
                                   "export --as adapter", "export --as peft"],
    f"{RUN}/events.jsonl": ["watch r/0001", "compare", "train r.toml --resume"],
    f"{RUN}/adapters.safetensors": ["compare", "chat r/0001 Hello", "export", "serve"],
    "data/r/test.jsonl": ["train r.toml", "compare"],
    f"{RUN}/mlx_lm.yaml": ["runs show"],
    f"{RUN}/checkpoints/0000002/state.json": ["train r.toml --resume"],
    f"{RUN}/checkpoints/0000002/adapters.safetensors": ["train r.toml --resume"],
    f"{RUN}/checkpoints/0000002/optimizer.safetensors": ["train r.toml --resume"],
}  # fmt: skip
CASES = [(path, command) for path, commands in READERS.items() for command in commands]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, and with a verdict on it."""
    root = tmp_path_factory.mktemp("whole")
    run = make_run(root, sayings(60), iters=4, save_every=2, steps_per_eval=2)
    weights = read_json(run.record)["result"]["adapter_sha256"]
    document = {
        "verdict": {"label": "IMPROVED", "text": "Better."},
        "metrics": [],
        "provenance": {"adapter_sha256": weights},
    }
    write_json(run.compare / "compare.json", document)
    return root


@pytest.mark.parametrize("content", ["[1]\n", '{"split\n'])
@pytest.mark.parametrize(("path", "command"), CASES)
def test_a_damaged_file_is_named_with_what_to_do(
    mlxr: Run, whole: Path, tmp_path: Path, path: str, command: str, content: str
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    (tmp_path / path).write_text(content)
    if "--resume" in command:
        _let_it_be_interrupted(tmp_path / RUN)
    ran = mlxr(*command.split())
    assert "This should not have happened" not in ran.err
    assert ran.code == 1, ran.err[-500:]
    assert Path(path).name in ran.err
    assert "\n→ " in ran.err


def test_a_damaged_audit_is_made_anew(mlxr: Run, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    audit = tmp_path / "data" / "r" / "audit.json"
    before = audit.read_bytes()
    audit.write_text("{}")
    assert mlxr("prep", "r.toml").code == 0
    assert audit.read_bytes() == before


def _let_it_be_interrupted(run: Path) -> None:
    shutil.rmtree(run / "checkpoints" / "0000004")
    record = read_json(run / "run.json")
    write_json(run / "run.json", record | {"status": "interrupted"})
