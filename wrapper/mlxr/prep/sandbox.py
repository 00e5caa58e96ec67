"""The sandbox in which a recipe's Jinja runs: strict about unknown columns, and a few filters.

Filters besides Jinja's: `to_json` (one line, keys in their order, text as it is) and `from_json`.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxr.errors import MlxrError

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment


class TemplateFailedError(Exception):
    """A template or expression that fails on a row; the text says where and why."""


class Condition:
    """The recipe's `where`: a Jinja expression over a row's columns."""

    def __init__(self, expression: str) -> None:
        from jinja2 import TemplateSyntaxError

        try:
            self._holds = environment(None).compile_expression(expression, undefined_to_none=False)
        except TemplateSyntaxError as error:
            raise MlxrError(
                f"data.where is no Jinja expression: {error.message}.",
                f"It reads: {expression}",
            ) from None

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether the expression is true of `row`; raises TemplateFailedError."""
        try:
            return bool(self._holds(dict(row)))
        except Exception as error:
            raise TemplateFailedError(f"where: {explain(error, row)}") from error


def environment(folder: Path | None) -> SandboxedEnvironment:
    """Return the sandbox in which templates and expressions of a recipe run."""
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    sandbox = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        loader=FileSystemLoader(folder) if folder else None,
        autoescape=False,  # prompts are text, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_writable,
    )
    sandbox.filters |= {"to_json": to_json, "from_json": from_json}
    del sandbox.filters["random"], sandbox.globals["lipsum"]  # chance that no seed governs
    return sandbox


def _writable(value: Any) -> Any:
    """Return what a template writes; raises ValueError on what has no text of its own.

    A null would become the word "None", and `{{ event.title }}`, which is a method wherever
    `event` is a text, an address in memory.
    """
    from jinja2 import Undefined
    from jinja2.runtime import TemplateReference

    if value is None:
        raise ValueError("a null would be written as 'None': use `to_json`, or `{% if … %}`")
    if isinstance(value, Undefined):
        return value  # raises when it is written, naming the column
    if callable(value) or isinstance(value, TemplateReference):
        raise ValueError(
            f"{_called(value)} is not a value of the row but Jinja's or Python's own: a key of "
            "such a name is read as record['name'], a column must be renamed"
        )
    if isinstance(value, bytes):
        raise ValueError("a binary column would be written as b'…': save it as text")
    if isinstance(value, Iterator):
        raise ValueError("a filter's items are no text: add `| list`, or `| join(', ')`")
    return value


def _called(value: object) -> str:
    """Return the name by which a template called `value`: jinja2's own range is safe_range."""
    return repr(getattr(value, "__name__", "self").removeprefix("safe_"))


def to_json(value: Any) -> str:
    """Return `value` as one line of JSON, keys in their order, other letters as they are."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_text)


def _text(value: object) -> str:
    """Return a date or time in ISO 8601; raises on what has no form in JSON."""
    from jinja2 import Undefined

    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Undefined):
        return str(value)  # raises, naming the column
    raise TypeError(f"to_json: a {type(value).__name__} has no form in JSON")


def from_json(text: str) -> Any:
    """Return the value that the JSON `text` holds; raises ValueError."""
    try:
        return json.loads(text)
    except (TypeError, ValueError) as error:
        raise ValueError(f"from_json: {error}") from None


def names(row: Mapping[str, Any]) -> str:
    """Return a row's columns for a message, of very many the first."""
    shown = ", ".join(str(name)[:80] for name in islice(row, 50))
    return f"{shown} and {len(row) - 50:,} more" if len(row) > 50 else shown


def explain(error: Exception, row: Mapping[str, Any], kind: str = "column") -> str:
    """Return why rendering `row` failed: for an unknown column, which there are."""
    unknown = re.fullmatch(r"'(\w+)' is undefined", str(error))
    if unknown is None:
        return str(error) or type(error).__name__
    close = get_close_matches(unknown[1], list(row), n=1)
    guess = f"; did you mean {close[0]}?" if close else ""
    return f"no {kind} '{unknown[1]}' (there are {names(row)}{guess})"
