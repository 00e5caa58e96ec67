r"""Calls of tools, read out of what a model wrote in any of the forms in use.

[{"name": "area", "arguments": {"base": 3}}]              a list, or one call alone
{"name": "area", "arguments": "{\"base\": 3}"}              arguments as JSON text
{'name': 'area', 'arguments': {'base': 3}}                 Python literals, one a line
<tool_call>{"name": "area", …}</tool_call>                 tags, one or several
{"tool_calls": [{"function": {"name": "area", …}}]}        OpenAI's messages
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mlxr.compare.parse import Level, Refused, embedded_values, read_json

_TAGGED = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>\s*", re.DOTALL)
_ARGUMENTS = ("arguments", "parameters", "args")


@dataclass(frozen=True)
class Call:
    """One call."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Calls:
    """What was read: `level` is where, no_call for words alone; `problem` says why nothing was."""

    level: Level | Literal["no_call"]
    calls: tuple[Call, ...] = ()
    problem: str = ""
    is_json: bool = field(default=False)
    """At `fail`: JSON was read, but it is no call."""


class NotACallError(Exception):
    """A JSON value that is not a call; the text says why."""


def read_calls(text: str, *, words_allowed: bool = False) -> Calls:
    """Return the calls in `text`, at the first level that has a JSON value.

    With `words_allowed`, words that hold no JSON value mean that no call is made.
    """
    level, values, problem = _values(text)
    if level == "fail":
        if words_allowed and text.strip() and not _holds_json(text):
            return Calls("no_call")
        return Calls("fail", problem=problem)
    try:
        return Calls(level, tuple(call for value in values for call in as_calls(value)))
    except NotACallError as error:
        return Calls("fail", problem=str(error), is_json=True)


def as_calls(value: object) -> list[Call]:
    """Return the calls that a JSON value holds; raises NotACallError."""
    if isinstance(value, list):
        return [call for item in value for call in as_calls(item)]
    if not isinstance(value, Mapping):
        raise NotACallError("a call is not an object")
    for wrapper in ("tool_calls", "function"):
        if isinstance(value.get(wrapper), list | Mapping):
            return as_calls(value[wrapper])
    name = value.get("name")
    key = next((key for key in _ARGUMENTS if key in value), None)
    if not isinstance(name, str) or key is None:
        raise NotACallError("an object has no name and arguments")
    return [Call(name, _arguments(value[key]))]


def _arguments(value: object) -> Mapping[str, Any]:
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        value = read_json(value).value
    if not isinstance(value, Mapping):
        raise NotACallError("arguments are not an object")
    return value


def _values(text: str) -> tuple[Level, Sequence[object], str]:
    """Where the text's JSON values stand, the values, and why there are none."""
    body = text.strip().strip("\ufeff").strip()
    if _TAGGED.sub("", body) == "" and body.count("<tool_call>") > 1:
        inner = [read_json(match, (dict, list)) for match in _TAGGED.findall(body)]
        if all(parsed.level in {"strict", "pyliteral"} for parsed in inner):
            return "fenced", [parsed.value for parsed in inner], ""
    if lines := _json_lines(body):
        return "strict", lines, ""
    parsed = read_json(body, (dict, list))
    if parsed.level == "embedded":
        return "embedded", [v for v in embedded_values(body) if isinstance(v, dict | list)], ""
    return parsed.level, [parsed.value], parsed.problem


def _json_lines(body: str) -> list[object]:
    """The values of a text with one JSON object a line, at least two; else nothing."""
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) < 2 or not all(line.lstrip().startswith("{") for line in lines):
        return []
    parsed = [read_json(line) for line in lines]
    return [p.value for p in parsed] if all(p.level == "strict" for p in parsed) else []


def _holds_json(text: str) -> bool:
    try:
        return next(embedded_values(text), None) is not None or "<tool_call>" in text
    except (Refused, RecursionError):
        return True


def written(calls: Sequence[Call]) -> str:
    """Return calls as a model would write them: a JSON list."""
    listed = [{"name": call.name, "arguments": dict(call.arguments)} for call in calls]
    return json.dumps(listed, ensure_ascii=False)
