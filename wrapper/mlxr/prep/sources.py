"""Where rows come from: the Hub, files and folders. The only importer of datasets.

A source has parts: files, or splits of a Hub data set. When `[data.splits]` holds names, they
pick the parts: a Hub data set's own splits, or in a folder the files of that name
(`train.jsonl`, `train-00000-of-00002.parquet`, `train/…`). Otherwise a Hub data set gives
`data.split`, a file all its rows, and a folder the files named as `data.split`; a folder that
has none of that name gives all its files, unless the recipe sets `split` itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import file_sha256
from mlxr.prep.readers import Numbered, csv_rows, json_rows, jsonl_rows
from mlxr.quiet import quiet
from mlxr.recipe import Data, Splits
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


@dataclass(frozen=True)
class Source:
    """The parts that a recipe takes, in order."""

    parts: tuple[Part, ...]

    def rows(self) -> Iterator[Row]:
        """Yield every row; raises MlxrError on a part that is broken or has none."""
        for part in self.parts:
            number = 0
            for number, values in part.read():
                yield Row(part.name, number, part.split, values)
            if not number:
                raise MlxrError(f"{part.name} has no rows.", "Check data.source in the recipe.")

    def count(self) -> int | None:
        """Return how many rows there are, or None where that takes reading them."""
        counts = [part.count() for part in self.parts]
        return None if None in counts else sum(filter(None, counts))

    @property
    def fingerprint(self) -> list[list[str | None]]:
        """Name, split and fingerprint of each part."""
        return [[part.name, part.split, part.fingerprint] for part in self.parts]


def open_source(data: Data) -> Source:
    """Return the source of a recipe; raises MlxrError where it cannot be reached."""
    path = Path(data.source)
    if not path.is_absolute():
        return Source(tuple(_hub_parts(data)))
    if path.is_dir():
        return Source(tuple(_folder_parts(path, data)))
    if isinstance(data.splits.train, str):
        raise MlxrError(
            f"[data.splits] names splits of the source, but {path} is a single file.",
            "Use shares (train = 0.8) or counts, or a folder with one file a split.",
        )
    return Source((_file_part(path, path.name, None),))


def wanted(data: Data) -> list[tuple[str, str | None]]:
    """Return the source's own splits to take, each with the split it becomes (None: divided)."""
    if isinstance(data.splits.train, str):
        return [(_named(data.splits, split), split) for split in SPLITS]
    return [(data.split, None)]


def _named(splits: Splits, split: str) -> str:
    return str(getattr(splits, split))


# Files and folders.


def _binary_rows(kind: str, path: Path) -> Iterator[Numbered]:
    """Yield the rows of a Parquet or Arrow file, streamed: nothing goes to datasets' cache."""
    number, rows = 0, _streamed(kind, path)
    try:
        while True:
            with quiet():  # not round a yield: what runs meanwhile may want to be heard
                taken = list(islice(rows, 1000))
            if not taken:
                return
            yield from enumerate(taken, start=number + 1)
            number += len(taken)
    except Exception as error:
        said = str(error).splitlines()[0]
        raise MlxrError(f"{path} is not readable as {kind}: {said}.", "Is it whole?") from error


def _streamed(kind: str, path: Path) -> Iterator[dict[str, Any]]:
    import datasets

    # By itself datasets takes the file's own row groups, and fails where there are none.
    options = {"batch_size": 1000} if kind == "parquet" else {}
    yield from datasets.load_dataset(
        kind, data_files=str(path), split="train", streaming=True, **options
    )


READERS: dict[str, Callable[[Path], Iterator[Numbered]]] = {
    ".jsonl": jsonl_rows,
    ".json": json_rows,
    ".csv": csv_rows,
    ".parquet": partial(_binary_rows, "parquet"),
    ".arrow": partial(_binary_rows, "arrow"),
}
_NOT_ROWS = {"dataset_info.json", "dataset_dict.json", "dataset_infos.json", "state.json"}


def _file_part(path: Path, name: str, split: str | None) -> Part:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise MlxrError(f"{path} is of no known kind.", f"Known: {', '.join(READERS)}.")
    try:
        fingerprint = file_sha256(path)
    except OSError as error:
        raise MlxrError(f"{path} cannot be read: {error.strerror}.") from None
    lines = partial(_lines, path) if path.suffix.lower() == ".jsonl" else lambda: None
    return Part(name, split, fingerprint, partial(reader, path), lines)


def _lines(path: Path) -> int:
    """Return the lines of a file."""
    with path.open("rb") as stream:
        return sum(1 for _ in stream)


def _folder_parts(folder: Path, data: Data) -> list[Part]:
    files = [
        path.relative_to(folder)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in READERS and path.name not in _NOT_ROWS and path.is_file()
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not files:
        raise MlxrError(f"The folder {folder} has no rows in it.", f"Known: {', '.join(READERS)}.")
    return [
        _file_part(folder / file, f"{folder.name}/{file.as_posix()}", split)
        for name, split in wanted(data)
        for file in _files_of(name, files, folder, data)
    ]


def _files_of(name: str, files: Sequence[Path], folder: Path, data: Data) -> list[Path]:
    """Return the files of the source's split `name`."""
    found = [file for file in files if _belongs(file, name)]
    if (
        not found
        and not isinstance(data.splits.train, str)
        and "split" not in data.model_fields_set
    ):
        return list(files)
    if not found:
        names = ", ".join(file.as_posix() for file in files[:10])
        raise MlxrError(f'No file in {folder} is named "{name}".', f"Files there: {names}.")
    return found


def _belongs(file: Path, name: str) -> bool:
    """Tell whether a file or one of its folders is named `name`, perhaps with a shard number."""
    pattern = re.compile(rf"{re.escape(name)}([-_.]\d.*)?")
    return any(pattern.fullmatch(part) for part in (*file.parts[:-1], file.stem))


# The Hub.


def _hub_parts(data: Data) -> list[Part]:
    names = [name for name, _ in wanted(data)]
    with quiet():
        import datasets

        datasets.disable_progress_bars()
        try:
            tables = datasets.load_dataset(
                data.source, data.config, split=names, revision=data.revision
            )
        except Exception as error:
            raise hub_error(data, error) from error
    return [
        Part(
            f"{data.source}/{name}",
            split,
            _hub_fingerprint(table),
            partial(_numbered, table),
            partial(len, table),
        )
        for (name, split), table in zip(wanted(data), tables, strict=True)
    ]


def _numbered(table: Any) -> Iterator[Numbered]:
    return enumerate(table, start=1)


def _hub_fingerprint(table: Any) -> str:
    """Return datasets' own fingerprint, which holds the commit, configuration and split."""
    return str(table._fingerprint)


def _sentence(said: str) -> str:
    return said.rstrip(".") + "."


def hub_error(data: Data, error: Exception) -> MlxrError:
    """Return what went wrong with a Hub data set in the user's words, with the next step."""
    from datasets import exceptions
    from huggingface_hub.errors import GatedRepoError

    name, said = data.source, str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error.__cause__, GatedRepoError) or "gated" in said:
        return MlxrError(
            f"The data set {name} is gated: its owner wants you to accept terms first.",
            f"Accept them at https://huggingface.co/datasets/{name}, then `hf auth login`.",
        )
    if isinstance(error, exceptions.DatasetNotFoundError) and "evision" in said:
        return MlxrError(_sentence(said), "Check data.revision in the recipe.")
    if isinstance(error, exceptions.DatasetNotFoundError):
        return MlxrError(
            f"The Hub has no data set {name}, or it is private.",
            "Check data.source; for a private one, `hf auth login`. A local path starts with ./",
        )
    if isinstance(error, ConnectionError):
        return MlxrError(
            f"The data set {name} is not in the cache, and the Hub cannot be reached.",
            "Go online once (and unset HF_HUB_OFFLINE), or give a local file as data.source.",
        )
    if isinstance(error, ValueError) and "split" in said:
        return MlxrError(
            _sentence(f"{name}: {said}"), "Name them in data.split, or in [data.splits]."
        )
    if isinstance(error, ValueError) and "onfig" in said:
        return MlxrError(_sentence(f"{name}: {error}"), "Set data.config in the recipe.")
    return MlxrError(
        _sentence(f"The data set {name} cannot be loaded: {said}"), "Check data.source."
    )
