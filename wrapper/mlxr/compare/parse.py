"""Reading one JSON value out of what a model wrote, and saying how far it had to be helped.

Levels, the first that succeeds: strict (the whole text is JSON), fenced (inside one Markdown
fence or tag pair), pyliteral (Python literals), embedded (somewhere in running text), fail.
Nothing is ever repaired: a repeated key, NaN or a container that never closes is a failure.
"""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["strict", "fenced", "pyliteral", "embedded", "fail"]

MAX_DEPTH = 64
"""Deeper nesting is refused, so that no later recursion over a value can overflow."""

_FENCE = re.compile(r"(?P<fence>```|~~~)[\w+-]*[ \t]*\n?(?P<inner>.*?)\s*(?P=fence)", re.DOTALL)
_TAGS = (("<tool_call>", "</tool_call>"), ("<calls>", "</calls>"), ("[TOOL_CALLS]", ""))
_OPENS = re.compile(r'\{\s*["}]|\[\s*(?:["\[{\]]|(?P<scalar>-?[0-9]|true|false|null))')


@dataclass(frozen=True)
class Parsed:
    """A value, and the level at which it was read; at `fail`, the problem in words."""

    level: Level
    value: Any = None
    problem: str = ""


class Refused(Exception):  # noqa: N818  (it ends the reading; nothing went wrong)
    """The text holds JSON that must not be read in any other way."""


def read_json(text: str, wanted: tuple[type, ...] = (dict,)) -> Parsed:
    """Return the first value of a wanted kind in `text`, at the first level that has one."""
    body = text.strip().strip("\ufeff").strip()
    if not body:
        return Parsed("fail", problem="the output is empty")
    try:
        for level, read in _READERS.items():
            for value in read(body):
                _check(value)
                if isinstance(value, wanted):
                    return Parsed(level, value)
    except Refused as refusal:
        return Parsed("fail", problem=str(refusal))
    except (RecursionError, MemoryError):
        return Parsed("fail", problem="the JSON is nested too deeply")
    kinds = " or ".join({"dict": "object", "list": "list"}.get(k.__name__, "value") for k in wanted)
    return Parsed("fail", problem=f"no JSON {kinds} was found")


def embedded_values(body: str) -> Iterator[object]:
    """Yield the JSON objects and lists in running text, left to right, outermost only.

    Brackets that do not open like JSON ("[see below]") are prose. Raises Refused at one that
    does and is not complete JSON: a cut-off list must not score by the objects inside it.
    """
    at = 0
    while opening := _OPENS.search(body, at):
        try:
            value, at = _DECODER.raw_decode(body, opening.start())
        except ValueError:
            if not opening["scalar"]:
                raise Refused("a JSON value opens and is never completed") from None
            at = opening.end()
        else:
            yield value


def _strict(body: str) -> Iterator[object]:
    try:
        yield _DECODER.decode(body)
    except ValueError:
        return


def _fenced(body: str) -> Iterator[object]:
    if (inner := _unwrap(body)) is not None:
        yield from _strict(inner)


def _pyliteral(body: str) -> Iterator[object]:
    """A literal, or one dict literal a line, as targets of xlam are often written."""
    inner = _unwrap(body) or body
    if not inner.startswith(("{", "[")):
        return
    try:
        yield _literal(inner)
    except ValueError:
        lines = [line.strip() for line in inner.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.startswith("{") for line in lines):
            try:
                yield [_literal(line) for line in lines]
            except ValueError:
                return


_READERS: dict[Level, Callable[[str], Iterator[object]]] = {
    "strict": _strict,
    "fenced": _fenced,
    "pyliteral": _pyliteral,
    "embedded": embedded_values,
}


def _unwrap(body: str) -> str | None:
    """Return what stands inside the one fence or tag pair that is all of `body`."""
    match = _FENCE.fullmatch(body)
    if match:
        return match["inner"].strip()
    for opening, closing in _TAGS:
        if body.startswith(opening) and body.endswith(closing) and body.count(opening) == 1:
            return body.removeprefix(opening).removesuffix(closing).strip()
    return None


def _literal(text: str) -> object:
    """Return the Python literal `text` as a JSON value; raises ValueError if it is neither."""
    try:
        with warnings.catch_warnings():  # a stray "\d" in model text warns on compiling
            warnings.simplefilter("ignore")
            tree = ast.parse(text, mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                _unique([(ast.dump(key), None) for key in node.keys if key is not None])
        value = ast.literal_eval(tree)
    except (SyntaxError, TypeError) as error:
        raise ValueError(str(error)) from None
    _check(value)
    return value


def _check(value: object, depth: int = 0) -> None:
    """Raise Refused on deep nesting, ValueError on what JSON cannot hold."""
    if depth > MAX_DEPTH:
        raise Refused("the JSON is nested too deeply")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key is not a string")
        for item in value.values():
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, float):
        _finite(str(value))
    elif value is not None and not isinstance(value, str | int):
        raise ValueError("not a JSON value")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs as a dict; raises Refused on a repeated key, which has no one meaning."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise Refused("a key occurs twice in one JSON object")
    return table


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a JSON number")
    return value


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
