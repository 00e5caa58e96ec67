"""`mlxr runs rm` asks, and only ever touches run folders."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from conftest import MODEL
from mlxr.files import hold, write_json
from train.runs import Run


def make(folder: Path, begun_from: str | None = None) -> Path:
    """Write a run folder with little in it."""
    (folder / "checkpoints" / "0000004").mkdir(parents=True)
    (folder / "train.log").write_text("")
    (folder / "adapters.safetensors").write_bytes(b"weights")
    recipe = {"name": "r", "train": {"resume_adapter_file": begun_from}}
    record = {"status": "done", "recipe": recipe, "recipe_path": "r.toml", "data": {}}
    write_json(folder / "run.json", record | {"versions": {}})
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make(tmp_path / "adapters" / "r" / "0001")


def test_a_run_is_named_with_its_size_and_removed_whole(mlxr: Run, run: Path) -> None:
    other = make(run.with_name("0002"))
    size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    ran = mlxr("runs", "rm", "r/0001", "--yes")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        f"adapters/r/0001  3 files, {size} bytes",
        "Removed r/0001. Kept answers stay in adapters/.outputs.",
    ]
    assert list(run.parent.iterdir()) == [other]
    document = json.loads(mlxr("runs", "rm", "r/0002", "--yes", "--json").out)
    assert document["removed"][0]["run"] == "r/0002"
    assert list(run.parent.iterdir()) == []


@pytest.mark.parametrize(("answer", "stays"), [("n", True), ("", True), ("y", False)])
def test_it_asks(
    mlxr: Run, run: Path, monkeypatch: pytest.MonkeyPatch, answer: str, stays: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{answer}\n"))
    ran = mlxr("runs", "rm", "r/0001")
    assert ran.code == 0
    assert "Remove this for good? [y/N]:" in ran.err
    assert run.exists() == stays
    assert ("Nothing was removed." in ran.err) == stays


def test_without_an_answer_nothing_is_removed(
    mlxr: Run, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    ran = mlxr("runs", "rm", "r/0001")
    assert ran.code == 1
    assert "Nobody answered: nothing was removed." in ran.err
    assert mlxr("runs", "rm", "r/0001", "--json").code == 2
    assert run.exists()


def test_what_refers_to_a_run_is_named(mlxr: Run, run: Path) -> None:
    make(run.with_name("0002"), begun_from=str(run / "adapters.safetensors"))
    sweep = run.with_name("sweep-0a1b2c3d.json")
    write_json(sweep, {"settings": [{"runs": [{"run": "r/0001"}]}]})
    ran = mlxr("runs", "rm", "r/0001", "--yes")
    assert "! run r/0002 refers to it." in ran.err
    assert f"! sweep {sweep} refers to it." in ran.err
    assert not run.exists()


def test_a_run_in_use_is_left_alone(mlxr: Run, run: Path) -> None:
    other = make(run.with_name("0002"))
    with (run / "train.log").open("rb") as stream:
        assert hold(stream)
        ran = mlxr("runs", "rm", "r/0002", "r/0001", "--yes")
    assert ran.code == 1
    assert "Run r/0001 is in use" in ran.err
    assert run.exists()
    assert other.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("r/0001@4", "r/0001@4 is a checkpoint: `mlxr runs rm` removes whole runs only."),
        ("r/0001@best", "r/0001@best is a checkpoint: `mlxr runs rm` removes whole runs only."),
        ("r/0001/checkpoints/0000004", "There is no run 'r/0001/checkpoints/0000004'."),
    ],
)
def test_a_part_of_a_run_is_refused(mlxr: Run, run: Path, name: str, said: str) -> None:
    ran = mlxr("runs", "rm", name, "--yes")
    assert ran.code == 1
    assert said in ran.err
    assert (run / "checkpoints" / "0000004").is_dir()


def test_what_is_no_run_of_this_workspace_is_refused(
    mlxr: Run, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder elsewhere that looks like one, links, and ways round by `..`."""
    elsewhere = make(tmp_path / "elsewhere" / "r" / "0001")
    (run.parent / "0007").symlink_to(elsewhere)
    (run.parents[1] / "s").symlink_to(elsewhere.parent)
    nested = make(run / "0001")
    here = tmp_path / "here"
    (here / "adapters").mkdir(parents=True)
    names = ["elsewhere/r/0001", str(elsewhere), "r/0007", "s/0001", "r/../r/0001", "r/0001/0001",
             "adapters/../elsewhere/r/0001", ".", "..", ""]  # fmt: skip
    for name in names:
        ran = mlxr("runs", "rm", name, "--yes")
        assert ran.code == 1, name
    monkeypatch.chdir(here)
    for name in ("..", "../adapters/r/0001", str(run)):
        assert mlxr("runs", "rm", name, "--yes").code == 1, name
    for folder in (elsewhere, run, nested):
        assert (folder / "adapters.safetensors").is_file()


def test_what_a_run_links_to_stays(mlxr: Run, run: Path, tmp_path: Path) -> None:
    """The model with a recipe's own chat template is a folder of links."""
    shutil.copytree(MODEL, tmp_path / "model")
    (run / "model").mkdir()
    (run / "model" / "config.json").symlink_to(tmp_path / "model" / "config.json")
    (run / "linked").symlink_to(tmp_path / "model")
    assert mlxr("runs", "rm", "r/0001", "--yes").code == 0
    assert not run.exists()
    assert (tmp_path / "model" / "config.json").is_file()


def test_what_an_interrupted_removal_left_is_in_nobodys_way(mlxr: Run, run: Path) -> None:
    left = run.with_name(f".removed-{run.name}")
    (left / "x").mkdir(parents=True)
    ran = mlxr("runs", "rm", "r/0001", "--yes")
    assert ran.code == 0, ran.err
    assert not run.exists()
