"""Text formats of a source file: JSON Lines, JSON and CSV, each with its line numbers."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import numbered_jsonl

Numbered = tuple[int, dict[str, Any]]
"""A row of the source with its number in the file, from 1."""


def jsonl_rows(path: Path) -> Iterator[Numbered]:
    """Yield each line's object with the line's number; raises MlxrError naming file and line."""
    return numbered_jsonl(path)


def json_rows(path: Path) -> Iterator[Numbered]:
    """Yield the objects of a JSON list, numbered in order, or of JSON Lines by another name.

    Raises MlxrError naming the file and the place where it breaks.
    """
    with path.open("rb") as stream:
        first = stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return jsonl_rows(path) if first == b"{" else _listed(path)


def _listed(path: Path) -> Iterator[Numbered]:
    try:
        values = json.loads(path.read_bytes())
    except ValueError as error:
        raise MlxrError(f"{path} is not JSON: {error}.", "Mend the file there.") from None
    if not isinstance(values, list):
        raise MlxrError(f"{path} holds no list of rows.", "Write [{…}, {…}] or one {…} a line.")
    for number, value in enumerate(values, start=1):
        if not isinstance(value, dict):
            raise MlxrError(f"{path}: row {number} is not a JSON object.", "Write {…} for a row.")
        yield number, value


def csv_rows(path: Path) -> Iterator[Numbered]:
    """Yield each record with the line it begins on; every value is text, as the file has it.

    The first line names the columns. Raises MlxrError naming file and line.
    """
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        line = 0
        try:
            columns = next(reader, [])
            line = reader.line_num
            for cells in reader:
                if cells:
                    yield line + 1, _record(path, line + 1, columns, cells)
                line = reader.line_num
        except csv.Error as error:
            raise MlxrError(f"{path}:{line + 1} is not CSV: {error}.") from None
        except UnicodeDecodeError as error:
            raise MlxrError(f"{path} is not UTF-8 after line {line}: {error}.") from None


def _record(path: Path, line: int, columns: list[str], cells: list[str]) -> dict[str, Any]:
    if len(cells) != len(columns):
        raise MlxrError(
            f"{path}:{line} has {len(cells)} values for {len(columns)} columns.",
            'A value with a comma, a quote or a line break must stand in "quotes".',
        )
    return dict(zip(columns, cells, strict=True))
