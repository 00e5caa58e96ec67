"""Formats of a source file, each with its line or row numbers."""

from __future__ import annotations

import codecs
import csv
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from mlxr.errors import MlxrError, first_line
from mlxr.files import numbered_jsonl

CHUNK = 1 << 20
"""Letters of a JSON list read at once."""
_MARK = re.compile(r"[ \t\r\n]*(\[[ \t\r\n]*\]|[\[,\]])[ \t\r\n]*")
"""What stands before an item of a JSON list: its bracket or a comma; or ends the list."""

Numbered = tuple[int, dict[str, Any]]
"""A row of the source with its number in the file, from 1."""


def json_rows(path: Path) -> Iterator[Numbered]:
    """Yield the objects of JSON Lines with their lines, or of a JSON list, numbered in order.

    Which of the two a file is, its first letter says. Raises MlxrError naming the file and the
    place where it breaks.
    """
    with path.open("rb") as stream:
        first = stream.read(4096).removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    return _listed(path) if first == b"[" else _lines(path)


def _lines(path: Path) -> Iterator[Numbered]:
    try:
        yield from numbered_jsonl(path)
    except MlxrError as error:
        raise MlxrError(error.message, "Write [{…}, {…}], or one {…} a line.") from None


def _listed(path: Path) -> Iterator[Numbered]:
    """Yield the objects of a JSON list as they are read: never more than a few in memory."""
    number = 0
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for number, value in enumerate(items(stream), start=1):
                if not isinstance(value, dict):
                    said = f"{path}: row {number} is not a JSON object."
                    raise MlxrError(said, "Write {…} for a row.")
                yield number, value
    except RecursionError:
        said = f"{path}: row {number + 1} is nested too deeply."
        raise MlxrError(said, "Leave such rows out of the file.") from None
    except ValueError as error:
        said = f"{path}: row {number + 1} is not JSON: {error}."
        raise MlxrError(said, "Mend the file there.") from None


def items(stream: IO[str]) -> Iterator[Any]:
    """Yield the items of a JSON list as they are read; raises ValueError where it breaks."""
    decode = json.JSONDecoder().raw_decode
    text, at, marks = "", 0, "["
    while True:
        try:
            mark = _MARK.match(text, at)
            if mark is None or mark[1][0] not in marks:
                raise json.JSONDecodeError("Expecting ',' or ']'", text, at)
            if mark[1].endswith("]"):
                break
            value, end = decode(text, mark.end())
        except json.JSONDecodeError as error:
            more = stream.read(max(CHUNK, len(text)))
            if not more:
                raise ValueError(error.msg) from None
            text, at = text[at:] + more, 0
        else:
            at, marks = end, ",]"
            yield value
    if text[mark.end() :].strip() or stream.read().strip():
        raise ValueError("more follows the list")


def csv_rows(path: Path) -> Iterator[Numbered]:
    """Yield each record with the line it begins on; every value is text, as the file has it.

    The first line names the columns. Raises MlxrError naming file and line.
    """
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        line = 0
        try:
            columns = _columns(path, next((cells for cells in reader if cells), []))
            line = reader.line_num
            for cells in reader:
                if cells:
                    yield line + 1, _record(path, line + 1, columns, cells)
                line = reader.line_num
        except csv.Error as error:
            raise MlxrError(f"{path}:{line + 1} is not CSV: {error}.", _QUOTES) from None
        except UnicodeDecodeError as error:
            said = f"{path} is not UTF-8 after line {line}: {error}."
            raise MlxrError(said, "Save it as UTF-8.") from None


_QUOTES = 'A value with a comma, a quote or a line break must stand in "quotes".'


def _columns(path: Path, names: list[str]) -> list[str]:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        said = f"{path} has more than one column {twice[0]!r}."
        raise MlxrError(said, "Give each column a name of its own.")
    return names


def _record(path: Path, line: int, columns: list[str], cells: list[str]) -> dict[str, Any]:
    if len(cells) != len(columns):
        raise MlxrError(
            f"{path}:{line} has {len(cells)} values for {len(columns)} columns.", _QUOTES
        )
    return dict(zip(columns, cells, strict=True))


def _binary_rows(kind: str, path: Path) -> Iterator[Numbered]:
    """Yield the rows of a Parquet or Arrow file, a thousand in memory at a time.

    Not through datasets.load_dataset, which takes "rows[1].parquet" for a pattern and whose
    threads sometimes abort the process when reading stops before the end.
    """
    import pyarrow

    try:
        with pyarrow.OSFile(str(path)) as stream:
            yield from enumerate(_decoded(path, BATCHES[kind](stream)), start=1)
    except MlxrError:
        raise
    except Exception as error:
        said = f"{path} is not readable as {kind}: {first_line(error).rstrip('.')}."
        raise MlxrError(said, "Is it whole?") from error


def _parquet(stream: Any) -> Iterator[Any]:
    import pyarrow.parquet

    return iter(pyarrow.parquet.ParquetFile(stream).iter_batches(1000))


def _arrow(stream: Any) -> Iterator[Any]:
    """Yield the batches of Arrow's stream format, which datasets writes, or of its file format."""
    import pyarrow

    try:
        yield from pyarrow.ipc.open_stream(stream)
    except pyarrow.ArrowInvalid:
        stream.seek(0)
        file = pyarrow.ipc.open_file(stream)
        yield from map(file.get_batch, range(file.num_record_batches))


BATCHES = {"parquet": _parquet, "arrow": _arrow}


def _decoded(path: Path, batches: Iterator[Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of each batch, a thousand in memory at a time."""
    for batch in batches:
        _columns(path, batch.schema.names)
        decode = _decoder(batch.schema)
        for start in range(0, batch.num_rows, 1000):
            yield from map(decode, batch.slice(start, 1000).to_pylist())


def _decoder(schema: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what reads a row back: datasets stores, for one, differing objects as JSON text."""
    if b"huggingface" not in (schema.metadata or {}):
        return dict
    import datasets

    features: Any = datasets.Features.from_arrow_schema(schema)
    return partial(features.decode_example)


READERS: dict[str, Callable[[Path], Iterator[Numbered]]] = {
    ".jsonl": json_rows,
    ".json": json_rows,
    ".csv": csv_rows,
    ".parquet": partial(_binary_rows, "parquet"),
    ".arrow": partial(_binary_rows, "arrow"),
}
