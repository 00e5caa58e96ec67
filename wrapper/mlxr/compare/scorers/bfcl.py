"""Whether calls are right by the rules of the Berkeley Function-Calling Leaderboard.

A contrast, never the headline. Its texts lose signs, points and slashes before they are
compared ("-5" is "5"); its numbers keep their type, but not inside an object (true is 1); an
argument that is optional and not due may be left out or be its default.
Read from bfcl_eval's ast_checker (gorilla 6ea57973), written anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlxr.compare.calls import Call
from mlxr.compare.toolbox import MISSING, Parameter, Tool, Toolbox

_ERASED = re.compile(r"[ ,./\-_*^]")
_UNKNOWN = Parameter("any", optional=False)


def bfcl_exact(due: Sequence[Call], made: Sequence[Call], readable: bool, tools: Toolbox) -> bool:
    """Return whether the calls made are those due; with none due, whether none was read."""
    if not due:
        return not made
    if not readable or len(due) != len(made):
        return False
    left = list(made)
    for wanted in due:
        tool = tools.get(wanted.name, {})
        match = next((i for i, call in enumerate(left) if _same_call(wanted, call, tool)), None)
        if match is None:
            return False
        del left[match]
    return True


def _same_call(due: Call, made: Call, tool: Tool) -> bool:
    if due.name != made.name:
        return False
    names = {*due.arguments, *made.arguments}
    return all(_same_argument(name, due.arguments, made.arguments, tool) for name in names)


def _same_argument(name: str, due: Mapping[str, Any], made: Mapping[str, Any], tool: Tool) -> bool:
    parameter = tool.get(name, _UNKNOWN)
    if name not in made:
        return parameter.optional and parameter.says_nothing(due[name])
    wanted = due.get(name, parameter.default if parameter.optional else MISSING)
    return wanted is not MISSING and _same(wanted, made[name], parameter.kind)


def _same(due: object, made: object, kind: str) -> bool:
    """One argument: types must agree, but a whole number may stand for a declared float."""
    if kind == "number" and type(due) in (int, float) and type(made) in (int, float):
        return due == made
    if type(due) is not type(made):
        return False
    if isinstance(due, str):
        return _erased(due) == _erased(made)
    if isinstance(due, list) and isinstance(made, list):
        return len(due) == len(made) and all(
            _same(one, other, "any") for one, other in zip(due, made, strict=True)
        )
    if isinstance(due, dict) and isinstance(made, dict):
        return due.keys() == made.keys() and all(_loosely(due[key], made[key]) for key in due)
    return due == made


def _loosely(due: object, made: object) -> bool:
    """A value inside an object: compared without regard to its type."""
    return _erased(due) == _erased(made)


def _erased(value: object) -> object:
    if isinstance(value, str):
        return _ERASED.sub("", value).lower().replace("'", '"')
    return [_erased(item) for item in value] if isinstance(value, list) else value
