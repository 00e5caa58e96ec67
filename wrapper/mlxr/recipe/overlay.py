"""Recipe values as TOML text: what `--set` takes, and a recipe that extends another."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"^[A-Za-z0-9_-]+$")


def toml(value: Any) -> str:
    """Return a JSON-like value as one line of TOML, which has no null: such a key is left out."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, Mapping):
        set_ = {key: inner for key, inner in value.items() if inner is not None}
        pairs = (f"{_key(key)} = {toml(inner)}" for key, inner in set_.items())
        return f"{{ {', '.join(pairs)} }}" if set_ else "{}"
    return repr(value)


def leaves(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested tables by dotted key; a list is one value."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= leaves(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def overlay(parent: str, name: str, changed: Mapping[str, Any], said: str) -> str:
    """Return a recipe that extends `parent`, keeps its name, and sets the dotted keys `changed`.

    The name is what leads to its prepared data. `said` stands above as a comment, a line.
    """
    lines = [f"# {said}", "", f"extends = {toml(parent)}", f"name = {toml(name)}"]
    lines += [f"{key} = {toml(value)}" for key, value in changed.items()]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if _BARE.match(key) else json.dumps(key, ensure_ascii=False)
