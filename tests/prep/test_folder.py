from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlxr.prep import folder
from mlxr.prep.folder import building, exchange, recover
from mlxr.workspace import Prepared
from prep.samples import names, tree


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return Prepared(tmp_path / "data" / "demo")


def fill(target: Path, text: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in ("train.jsonl", "manifest.json"):
        (target / name).write_text(text)


def build(prepared: Prepared, text: str) -> None:
    with building(prepared) as new:
        fill(new, text)


NEW = {"demo/train.jsonl": b"new", "demo/manifest.json": b"new"}
OLD = {"demo/train.jsonl": b"old", "demo/manifest.json": b"old"}


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


@pytest.mark.parametrize("atomic", [True, False])
def test_the_new_folder_takes_the_place_of_the_old(
    prepared: Prepared, atomic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not atomic:
        monkeypatch.setattr(folder, "exchange", lambda *_: False)
    build(prepared, "old")
    assert tree(prepared.folder.parent) == OLD
    build(prepared, "new")
    assert tree(prepared.folder.parent) == NEW
    assert names(prepared.folder.parent) == ["demo"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_build_leaves_the_old_folder(
    prepared: Prepared, error: type[BaseException]
) -> None:
    build(prepared, "old")

    def failing() -> None:
        with building(prepared) as new:
            fill(new, "new")
            raise error

    with pytest.raises(error):
        failing()
    assert tree(prepared.folder.parent) == OLD
    assert names(prepared.folder.parent) == ["demo"]


def test_a_failed_swap_by_renaming_puts_the_old_folder_back(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(prepared, "old")
    monkeypatch.setattr(folder, "exchange", lambda *_: False)
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if path.suffix == ".tmp":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(prepared, "new")
    assert tree(prepared.folder.parent) == OLD


def test_files_of_the_users_own_are_carried_over(prepared: Prepared) -> None:
    build(prepared, "old")
    (prepared.folder / "notes.txt").write_text("mine")
    (prepared.folder / "more").mkdir()
    (prepared.folder / "more" / "x").write_text("mine too")
    build(prepared, "new")
    assert tree(prepared.folder.parent) == NEW | {
        "demo/notes.txt": b"mine",
        "demo/more/x": b"mine too",
    }


def test_a_linked_folder_stays_a_link(prepared: Prepared, tmp_path: Path) -> None:
    fill(tmp_path / "disk" / "demo", "old")
    prepared.folder.parent.mkdir()
    prepared.folder.symlink_to(tmp_path / "disk" / "demo")
    build(prepared, "new")
    assert prepared.folder.is_symlink()
    assert tree(tmp_path / "disk") == NEW


def test_what_a_killed_prep_was_building_is_cleared(prepared: Prepared) -> None:
    build(prepared, "old")
    data = prepared.folder.parent
    half = data / f".demo.{dead_process()}.tmp"
    half.mkdir()
    (half / "train.jsonl").write_text("half")
    (half / ".manifest.json.abc_1x9z").write_text("half")
    recover(prepared)
    assert names(data) == ["demo"]
    assert tree(data) == OLD


def test_a_kill_after_the_exchange_loses_no_file_of_the_user(prepared: Prepared) -> None:
    build(prepared, "new")
    left = prepared.folder.parent / f".demo.{dead_process()}.tmp"
    fill(left, "old")
    (left / "notes.txt").write_text("mine")
    recover(prepared)
    assert tree(prepared.folder.parent) == NEW | {"demo/notes.txt": b"mine"}


def test_a_kill_between_two_renames_is_mended(prepared: Prepared) -> None:
    data, process = prepared.folder.parent, dead_process()
    fill(data / f".demo.{process}.old", "old")
    fill(data / f".demo.{process}.tmp", "new")
    recover(prepared)
    assert tree(data) == OLD


def test_a_running_prep_and_other_recipes_are_left_alone(prepared: Prepared) -> None:
    data = prepared.folder.parent
    for name in (f".demo.{os.getppid()}.tmp", f".demo.x.{dead_process()}.tmp"):
        fill(data / name, "theirs")
    before = tree(data)
    recover(prepared)
    assert tree(data) == before


def test_folders_are_exchanged_in_one_step(tmp_path: Path) -> None:
    fill(tmp_path / "a", "a")
    fill(tmp_path / "b", "b")
    assert exchange(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a" / "train.jsonl").read_text() == "b"
    assert not exchange(tmp_path / "a", tmp_path / "missing")


def test_an_editors_file_is_the_users_and_a_half_written_one_is_not(prepared: Prepared) -> None:
    build(prepared, "old")
    (prepared.folder / ".train.jsonl.swp").write_text("mine")
    (prepared.folder / ".audit.json.k_0x9zq1").write_text("half")
    build(prepared, "new")
    assert tree(prepared.folder.parent) == {**NEW, "demo/.train.jsonl.swp": b"mine"}
