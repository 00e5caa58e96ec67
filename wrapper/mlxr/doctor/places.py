"""The places where models, data and runs lie, and whether they have room."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mlxr.doctor.check import Check, Topic
from mlxr.units import byte_size
from mlxr.workspace import Workspace

ROOM = 10e9
"""Bytes below which a place is short of room: the largest model of a shipped recipe has 4.1 GB."""
FREE = "hf cache ls, then hf cache rm model/OWNER/NAME"
"""How to make room in the Hub's cache."""
NONE = 0.5e9
"""Bytes below which nothing fits."""


@dataclass(frozen=True)
class Place:
    """A folder and the room on its disk."""

    folder: Path
    free: int
    """Bytes."""
    writable: bool


@dataclass(frozen=True)
class Places:
    """Where things lie."""

    workspace: Place
    cache: Place
    """Of the Hub's models and data sets."""
    size: int | None
    """Bytes in the cache; None where there is none yet."""
    repositories: int


def look(workspace: Workspace) -> Places:
    """Return where things lie."""
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    cache = Path(constants.HF_HUB_CACHE)
    try:
        scanned = scan_cache_dir(cache)
    except CacheNotFound:
        return Places(_place(workspace.root), _place(cache), None, 0)
    size, repositories = scanned.size_on_disk, len(scanned.repos)
    return Places(_place(workspace.root), _place(cache), size, repositories)


def _place(folder: Path) -> Place:
    """Return the room at `folder`, or where it would be made."""
    import os

    there = next(each for each in (folder, *folder.parents) if each.exists())
    return Place(folder, shutil.disk_usage(there).free, os.access(there, os.W_OK))


def here(places: Places) -> Check:
    """Tell whether data and runs have room."""
    return _room("disk", "this folder", places.workspace, "Work on another disk, or make room")


def cache(places: Places) -> Check:
    """Tell whether models have room, and what is there."""
    check = _room("Hub cache", str(places.cache.folder), places.cache, FREE)
    if places.size is None:
        return Check(check.about, check.level, f"{check.found} Nothing is in it yet.", check.fix)
    kept = f"{places.repositories} models and data sets, {byte_size(places.size)}."
    return Check(check.about, check.level, f"{check.found} It holds {kept}", check.fix)


def _room(about: str, name: str, place: Place, fix: str) -> Check:
    if not place.writable:
        found = f"{name} cannot be written to."
        return Check(about, "failed", found, f"ls -ld {place.folder}")
    found = f"{name} has room for {byte_size(place.free)}"
    if place.free < NONE:
        return Check(about, "failed", f"{found}: too little for anything.", fix)
    if place.free < ROOM:
        return Check(about, "warning", f"{found}: a model of 7 billion weights takes 4.", fix)
    return Check(about, "ok", f"{found}.")


TOPIC = Topic("disk", look, (here, cache))
