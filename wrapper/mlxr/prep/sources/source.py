"""Where rows come from: the Hub, files and folders, one or several.

A source has parts: files, or splits of a Hub data set. When `[data.splits]` holds names, they
pick the parts: a Hub data set's own splits, or in a folder the files of that name
(`train.jsonl`, `train-00000-of-00002.parquet`, `train/…`). Otherwise a Hub data set gives
`data.split`, a file all its rows, and a folder the files named as `data.split`; a folder that
has none of that name gives all its files, unless the recipe sets `split` itself. What
`datasets` wrote with save_to_disk is such a folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import file_sha256
from mlxr.prep.sources import hub
from mlxr.prep.sources.readers import READERS, Numbered
from mlxr.recipe import Data, Portion, Splits
from mlxr.workspace import SPLITS


@dataclass(frozen=True)
class Row:
    """A row as the source has it, and where it stands."""

    file: str
    """The source's name for the file: "calendar/test.jsonl", or "owner/name/train" on the Hub."""
    number: int
    """Line or row in the file, from 1."""
    split: str | None
    """train, valid or test where the source says so."""
    values: dict[str, Any]

    @property
    def place(self) -> str:
        """Where a reader finds the row: "file:row"."""
        return f"{self.file}:{self.number}"


@dataclass(frozen=True)
class Part:
    """A file or a split of the Hub; `fingerprint` changes when its rows do."""

    name: str
    split: str | None
    fingerprint: str
    read: Callable[[], Iterator[Numbered]]
    count: Callable[[], int | None] = lambda: None
    """Its rows, where that is quick to say; for showing progress."""

    def rows(self) -> Iterator[Row]:
        """Yield every row; raises MlxrError when the part is broken or has none."""
        number = 0
        for number, values in self.read():
            yield Row(self.name, number, self.split, values)
        if not number:
            raise MlxrError(f"{self.name} has no rows.", "Check data.source in the recipe.")


@dataclass(frozen=True)
class Source:
    """Where rows come from: one of a recipe's sources, its parts in order."""

    parts: tuple[Part, ...]
    weight: float | None = None
    """Its part of the rows, relative to the other sources' weights."""

    def rows(self) -> Iterator[Row]:
        """Yield every row; raises MlxrError on a part that is broken or has none."""
        for part in self.parts:
            yield from part.rows()

    def count(self) -> int | None:
        """Return how many rows there are, or None where that takes reading them."""
        counts = [part.count() for part in self.parts]
        return None if None in counts else sum(filter(None, counts))

    @property
    def fingerprint(self) -> list[list[str | None]]:
        """Name, split and fingerprint of each part."""
        return [[part.name, part.split, part.fingerprint] for part in self.parts]


def open_sources(data: Data) -> list[Source]:
    """Return the sources of a recipe; raises MlxrError where one cannot be reached."""
    return [_open(portion, data) for portion in data.portions]


def _open(portion: Portion, data: Data) -> Source:
    path = Path(portion.source)
    if not path.is_absolute():
        return Source(tuple(_hub_parts(portion, data)), portion.weight)
    if path.is_dir():
        return Source(tuple(_folder_parts(path, portion, data)), portion.weight)
    if isinstance(data.splits.train, str):
        raise MlxrError(
            f"[data.splits] names splits of the source, but {path} is a single file.",
            "Use shares (train = 0.8) or counts, or a folder with one file a split.",
        )
    return Source((_file_part(path, path.name, None),), portion.weight)


def wanted(portion: Portion, splits: Splits) -> list[tuple[str, str | None]]:
    """Return the source's own splits to take, each with the split it becomes (None: divided)."""
    if isinstance(splits.train, str):
        return [(str(getattr(splits, split)), split) for split in SPLITS]
    return [(portion.split or "train", None)]


def _hub_parts(portion: Portion, data: Data) -> list[Part]:
    asked = wanted(portion, data.splits)
    tables = hub.load(portion, [name for name, _ in asked], streaming=data.streaming)
    return [
        Part(f"{portion.source}/{name}", split, table.fingerprint, table.rows, table.count)
        for (name, split), table in zip(asked, tables, strict=True)
    ]


_NOT_ROWS = re.compile(r"dataset_(info|infos|dict)\.json|state\.json|cache-\w+\.arrow")
"""What datasets keeps beside the rows: their description, and what a later map made of them."""


def _file_part(path: Path, name: str, split: str | None) -> Part:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise MlxrError(f"{path} is of no known kind.", f"Known: {', '.join(READERS)}.")
    if not path.is_file():
        raise MlxrError(f"{path} is not a regular file.", "Save the rows as a file first.")
    try:
        fingerprint = file_sha256(path)
    except OSError as error:
        said = f"{path} cannot be read: {error.strerror}."
        raise MlxrError(said, f"See who may read it: ls -l {path}") from None
    lines = partial(_lines, path) if path.suffix.lower() == ".jsonl" else lambda: None
    return Part(name, split, fingerprint, partial(reader, path), lines)


def _lines(path: Path) -> int:
    """Return the lines of a file."""
    with path.open("rb") as stream:
        return sum(1 for _ in stream)


def _folder_parts(folder: Path, portion: Portion, data: Data) -> list[Part]:
    files = [
        path.relative_to(folder)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in READERS and not _NOT_ROWS.fullmatch(path.name) and path.is_file()
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not files:
        raise MlxrError(f"The folder {folder} has no rows in it.", f"Known: {', '.join(READERS)}.")
    divided = not isinstance(data.splits.train, str)
    return [
        _file_part(folder / file, f"{folder.name}/{file.as_posix()}", split)
        for name, split in wanted(portion, data.splits)
        for file in _files_of(name, files, folder, or_all=divided and portion.split is None)
    ]


def _files_of(name: str, files: Sequence[Path], folder: Path, *, or_all: bool) -> list[Path]:
    """Return the files of the source's split `name`."""
    found = [file for file in files if _belongs(file, name)]
    if not found and or_all:
        return list(files)
    if not found:
        names = ", ".join(file.as_posix() for file in files[:10])
        raise MlxrError(f'No file in {folder} is named "{name}".', f"Files there: {names}.")
    return found


def _belongs(file: Path, name: str) -> bool:
    """Tell whether a file or one of its folders is named `name`, perhaps with a shard number."""
    pattern = re.compile(rf"{re.escape(name)}([-_.]\d.*)?")
    return any(pattern.fullmatch(part) for part in (*file.parts[:-1], file.stem))
