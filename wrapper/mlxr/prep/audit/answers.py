"""What an answer holds: the JSON, the calls or the plain text of a conversation's last message.

[{"name": "forecast", "arguments": {"city": "Kyoto"}}] holds the leaves name = forecast and
arguments = Kyoto; {"who": ["Ada"], "at": {"room": null}} holds who[] = Ada and at.room = null.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

TOOL, ARGUMENTS = "name", "arguments"
"""The paths of calls: what is called, and all it is called with."""

_FENCED = re.compile(r"```\w*\s*(.*?)\s*```", re.DOTALL)
_TAGGED = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_DEPTH = 8
"""Levels that a path spells out; what lies deeper is merged under the last of them."""
_KEY = 60
"""Characters of a key in a path."""
_LITERAL = 20_000
"""Characters up to which Python's literals are tried: their parser takes far longer than JSON's."""
_FAILURES = (ValueError, SyntaxError, MemoryError, RecursionError)


def value_of(text: str) -> Any:
    """Return the JSON object or list that `text` is, or the list of those on its lines; or None.

    Python's notation ({'a': None}), Markdown fences and <tool_call> tags are understood.
    """
    body = text.strip()
    if body.startswith("```") and (fenced := _FENCED.fullmatch(body)):
        body = fenced[1]
    if body.startswith("<tool_call>"):
        return _all([part.strip() for part in _TAGGED.findall(body)])
    value = _one(body)
    return _all(body.split("\n")) if value is None and body[:1] == "{" and "\n" in body else value


def _all(texts: list[str]) -> list[Any] | None:
    values = [_one(text) for text in texts if text]
    return values if values and None not in values else None


def _one(text: str) -> Any:
    if text[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except _FAILURES:
        value = _literal(text)
    return value if isinstance(value, dict | list) else None


def _literal(text: str) -> Any:
    if len(text) > _LITERAL or text[-1:] not in ("}", "]"):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (*_FAILURES, TypeError):
        return None


def calls_of(value: Any) -> list[dict[str, Any]] | None:
    """Return the calls that a value is, each with `name` and `arguments`, or None.

    OpenAI's {"function": {"name": …, "arguments": "{…}"}} is one too.
    """
    items = value if isinstance(value, list) else [value]
    calls = [_call(item) for item in items]
    return [call for call in calls if call] if calls and all(calls) else None


def _call(item: Any) -> dict[str, Any] | None:
    call = item.get("function", item) if isinstance(item, dict) else None
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        return None
    if "arguments" not in call:
        return None
    given = call["arguments"]
    read = value_of(given) if isinstance(given, str) else None
    return {"name": call["name"], "arguments": given if read is None else read}


def leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each value that holds no other, with its path: "at.room", "who[]", "rows[].price".

    Empty lists and objects are leaves. The order is that of the text.
    """
    stack: list[tuple[str, int, Any]] = [("", 0, value)]
    while stack:
        path, depth, node = stack.pop()
        if not node or not isinstance(node, dict | list):
            yield path, node
        elif isinstance(node, dict):
            dot = "." if path else ""
            stack += [
                (f"{path}{dot}{str(key)[:_KEY]}" if depth < _DEPTH else path, depth + 1, item)
                for key, item in reversed(node.items())
            ]
        else:
            below = f"{path}[]" if depth < _DEPTH else path
            stack += [(below, depth + 1, item) for item in reversed(node)]


def call_leaves(calls: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield what is called as TOOL and, under the one path ARGUMENTS, the values of all of them."""
    for call in calls:
        yield TOOL, call["name"]
        for _, leaf in leaves(call["arguments"]):
            yield ARGUMENTS, leaf
