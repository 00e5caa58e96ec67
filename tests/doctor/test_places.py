"""Room on disks that are not here, and a cache that is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlxr.doctor import places
from mlxr.doctor.places import Place, Places, cache, here
from mlxr.workspace import Workspace

WIDE = Place(Path("/there"), 50 * 10**9, writable=True)
WELL = Places(WIDE, WIDE, 7 * 10**9, 3)


def test_room_is_told_in_figures() -> None:
    assert here(WELL).found == "this folder has room for 50.0 GB."
    found = cache(WELL).found
    assert found == "/there has room for 50.0 GB. It holds 3 models and data sets, 7.00 GB."
    assert "Nothing is in it yet." in cache(replace(WELL, size=None)).found


@pytest.mark.parametrize(
    ("free", "level"), [(10**8, "failed"), (5 * 10**9, "warning"), (10**10, "ok")]
)
def test_a_small_disk_is_named_with_what_to_do(free: int, level: str) -> None:
    narrow = replace(WIDE, free=free)
    for check in (here(replace(WELL, workspace=narrow)), cache(replace(WELL, cache=narrow))):
        assert check.level == level
        assert bool(check.fix) == (level != "ok")


def test_a_folder_that_cannot_be_written_to_fails() -> None:
    locked = replace(WIDE, writable=False)
    assert here(replace(WELL, workspace=locked)).level == "failed"
    assert cache(replace(WELL, cache=locked)).fix == "ls -ld /there"


def test_the_cache_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    hub = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub))
    empty = places.look(Workspace(tmp_path))
    assert (empty.size, empty.repositories) == (None, 0)
    assert empty.cache.free > 0
    snapshot = hub / "models--owner--name" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    blob = hub / "models--owner--name" / "blobs" / "b"
    blob.parent.mkdir()
    blob.write_bytes(b"x" * 1000)
    (snapshot / "model.safetensors").symlink_to(blob)
    refs = hub / "models--owner--name" / "refs"
    refs.mkdir()
    (refs / "main").write_text("a" * 40)
    seen = places.look(Workspace(tmp_path))
    assert (seen.size, seen.repositories) == (1000, 1)
