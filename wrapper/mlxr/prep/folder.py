"""The folder of a recipe's prepared data, replaced as a whole.

A new one is built beside the old one and exchanged with it in one step of the file system, so
that at every moment there is either the former data or the new data, complete. What a killed
prep left behind is cleared by the next. Files that are not prep's own are carried over.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlxr.process import is_running
from mlxr.workspace import SPLITS, Prepared

SPOOL = "records.spool"
FAILED = "audit-failed.json"
"""The findings of a preparation that was stopped; beside the former data, if there are any."""
OWN = frozenset(f"{split}.jsonl" for split in SPLITS) | {
    "manifest.json",
    "audit.json",
    FAILED,
    SPOOL,
}

_TEMPORARY = re.compile(rf"\.({'|'.join(map(re.escape, sorted(OWN)))})\.[a-z0-9_]{{8}}")
"""What files.atomic writes before it is renamed; an editor's .train.jsonl.swp is the user's."""


@contextmanager
def building(prepared: Prepared) -> Iterator[Path]:
    """Yield an empty folder that takes the place of the prepared one when the block ends well."""
    final = prepared.folder.resolve()  # a link to another disk stays a link
    build = final.with_name(f".{final.name}.{os.getpid()}.tmp")
    build.mkdir(parents=True)
    try:
        yield build
        replace(build, final)
    finally:
        discard(build, final)


def replace(build: Path, final: Path) -> None:
    """Put `build` in the place of `final`; the former folder, if any, is `build` afterwards."""
    if not final.exists():
        build.rename(final)
    elif not exchange(build, final):
        aside = build.with_suffix(".old")
        final.rename(aside)
        try:
            build.rename(final)
        except BaseException:
            aside.rename(final)
            raise
        discard(aside, final)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two folders atomically; return False where the system cannot.

    Linux: renameat2(2) with RENAME_EXCHANGE. macOS: renamex_np(2) with RENAME_SWAP.
    """
    library = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    here = -100  # AT_FDCWD
    try:
        if sys.platform == "darwin":
            return bool(library.renamex_np(first, second, 2) == 0)
        return bool(library.renameat2(here, first, here, second, 2) == 0)
    except AttributeError:  # an older C library
        return False


def discard(folder: Path, final: Path) -> None:
    """Remove a folder that is no longer needed; files that prep did not write go to `final`."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if _is_own(path.name):
            path.unlink()
        elif not (final / path.name).exists():
            path.rename(final / path.name)
    if not any(folder.iterdir()):
        folder.rmdir()


def _is_own(name: str) -> bool:
    """Tell whether prep writes a file of this name, or the temporary form of one."""
    return name in OWN or _TEMPORARY.fullmatch(name) is not None


def recover(prepared: Prepared) -> None:
    """Clear away what killed preparations of the same recipe left behind."""
    final = prepared.folder.resolve()
    pattern = re.compile(rf"\.{re.escape(final.name)}\.(\d+)\.(tmp|old)")
    if not final.parent.is_dir():
        return
    for path in sorted(final.parent.iterdir()):  # .old before .tmp
        match = pattern.fullmatch(path.name)
        if match is None or is_running(int(match[1])):
            continue
        if not final.exists() and (path / "manifest.json").is_file():
            path.rename(final)
        else:
            discard(path, final)
