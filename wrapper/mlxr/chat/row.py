"""From what a person types to a row that a template can render.

One column: the text is its value. Several: lines `name=value`, where a line that begins with no
column's name goes on with the value before it. A JSON object with a column's name is a row itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from mlxr.errors import MlxrError


def row_of(text: str, columns: Sequence[str]) -> dict[str, Any]:
    """Return the row that `text` stands for; raises MlxrError where it stands for none."""
    row = _object(text)
    if row is not None and set(row) & set(columns):
        return row
    return {columns[0]: text} if len(columns) == 1 else _assigned(text, columns)


def missing(text: str, columns: Sequence[str]) -> list[str]:
    """Return the columns of which `text` says nothing yet; raises MlxrError as `row_of` does."""
    row = row_of(text, columns)
    return [] if _object(text) is not None else [name for name in columns if name not in row]


def explained(columns: Sequence[str]) -> str:
    """Return how the columns are to be typed."""
    if len(columns) == 1:
        return f"What you type is the template's {columns[0]}."
    example = json.dumps(dict.fromkeys(columns, "…"), ensure_ascii=False)
    lines = ", ".join(f"{name}=…" for name in columns)
    return f"The template wants {lines}: type them a line each, or a row of JSON: {example}"


def _object(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _assigned(text: str, columns: Sequence[str]) -> dict[str, Any]:
    """Return the values of lines `name=value`."""
    row: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        said = re.match(r"\s*(\w+)\s*=\s?(.*)", line)
        if said and said[1] in columns:
            name = said[1]
            row[name] = said[2]
        elif name:
            row[name] += f"\n{line}"
        else:
            raise _nameless(said[1] if said else None, columns)
    return row


def _nameless(said: str | None, columns: Sequence[str]) -> MlxrError:
    if said is None:
        return MlxrError(
            f"The template has {len(columns)} columns, and this does not say which it is.",
            explained(columns),
        )
    close = get_close_matches(said, columns, n=1)
    guess = f"; did you mean {close[0]}?" if close else "."
    return MlxrError(f"The template has no column {said!r}{guess}", explained(columns))
