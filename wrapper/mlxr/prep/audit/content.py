"""What one record's answer says, and how much of it the prompt holds: read once, kept small.

Conclusions over all records are drawn in `targets.py` and `balance.py`; what they need of a
record is packed here into about 200 bytes, whatever the record's size.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Any
from zlib import crc32

from mlxr.prep.audit.answers import TOOL, call_leaves, calls_of, leaves, value_of
from mlxr.prep.audit.copying import is_copied, is_copied_json
from mlxr.prep.audit.grounding import COMPUTABLE, FOUND, UNOFFERED, Prompt
from mlxr.prep.conversation import Conversation
from mlxr.values import normalise, text_key

VALUES = 256
"""Values of an answer that are looked up, so that a huge answer costs no more than its length."""
PATHS = 64
"""Different paths that are kept of an answer."""
_LABEL = 40
"""Characters of a label that are kept."""

_dumps = json.JSONEncoder(ensure_ascii=False, sort_keys=True, default=str).encode


@dataclass(frozen=True, slots=True)
class Content:
    """What one record's answer says."""

    copied: bool
    """The answer stands in the prompt as it is."""
    label: str | None
    """The row's label in lower case: "true", "0", "undesirable"; None if there is none."""
    paths: tuple[str, ...]
    """The fields of an answer that is JSON or calls; shared between records."""
    states: bytes
    """The worst of each field's values: NULL, FREE, FOUND, COMPUTABLE, MISSING, UNOFFERED."""
    packed: bytes
    """32-bit words: the answer's hash in two; then of each field, a hash of all its values and one
    of the value that `states` tells of."""

    @property
    def answer(self) -> int:
        """Return what equal answers share: 64 bits."""
        return int.from_bytes(self.packed[:8], "little")

    def fields(self) -> Iterator[tuple[int, int, int]]:
        """Yield each field's state, the hash of all its values, and that of one of them."""
        words = array("I", self.packed)
        return zip(self.states, words[2::2], words[3::2], strict=True)


def read(conversation: Conversation, label: object = None) -> Content:
    """Return what the last message says of the ones before it; never raises.

    `label` is the row's own verdict or class, where the source has such a column.
    """
    *before, last = conversation.messages or ({},)
    tools = conversation.tools
    prompt = Prompt("\n".join(filter(None, [*map(_said, before), _text(tools) if tools else ""])))
    text = _text(last.get("content"))
    value = last.get("tool_calls") or value_of(text)
    calls = calls_of(value)
    fields = _Fields(prompt, _names(tools))
    found = leaves(value) if calls is None else call_leaves(calls)
    for path, leaf in islice(found if value is not None else (), VALUES):
        fields.add(path, leaf, is_tool=calls is not None and path == TOOL)
    if value is None:
        copied = is_copied(text, prompt)
    else:
        written = "" if last.get("tool_calls") else text
        copied = is_copied_json(written, calls or value, prompt, is_call=calls is not None)
    return Content(
        copied=copied,
        label=_label(label),
        paths=_shared(tuple(fields.states)),
        states=_shared(bytes(fields.states.values())),
        packed=_answer_hash(text, value, calls) + fields.hashes(),
    )


class _Fields:
    """Gathers the worst state of each path, and hashes."""

    def __init__(self, prompt: Prompt, tools: frozenset[str] | None) -> None:
        self.states: dict[str, int] = {}
        self._prompt = prompt
        self._tools = tools
        self._whole: dict[str, int] = {}
        self._one: dict[str, int] = {}

    def add(self, path: str, leaf: Any, is_tool: bool = False) -> None:
        plain = normalise(leaf) if isinstance(leaf, str) else _text(leaf).lower()
        state = self._tool(leaf, plain) if is_tool else self._prompt.state(leaf, plain)
        known = self.states.get(path)
        if known is None and len(self.states) >= PATHS:
            return
        value = plain.encode("utf-8", "surrogatepass")
        self._whole[path] = crc32(value, self._whole.get(path, 0))
        if known is None or state > known:
            self.states[path] = state
            self._one[path] = crc32(value)

    def _tool(self, name: str, plain: str) -> int:
        """A tool must be on offer; where the prompt offers none, it may be one known by heart."""
        if self._tools is not None:
            return FOUND if name in self._tools else UNOFFERED
        return FOUND if self._prompt.has(plain) else COMPUTABLE

    def hashes(self) -> bytes:
        words = [hashed for path in self.states for hashed in (self._whole[path], self._one[path])]
        return array("I", words).tobytes()


def _said(message: dict[str, Any]) -> str:
    """Return the text of a message before the last."""
    calls = message.get("tool_calls")
    return "\n".join(_text(part) for part in (message.get("content"), calls) if part)


def _text(value: Any) -> str:
    if isinstance(value, str) or value is None:
        return value or ""
    try:
        return _dumps(value) if isinstance(value, dict | list | tuple) else str(value)
    except (ValueError, TypeError, RecursionError):
        return ""


def _names(tools: tuple[Any, ...] | None) -> frozenset[str] | None:
    """Return what the tools on offer are called, or None if there are none."""
    kinds = [tool for tool in tools or () if isinstance(tool, dict)]
    inner = [tool["function"] if isinstance(tool.get("function"), dict) else tool for tool in kinds]
    return frozenset(str(tool["name"]) for tool in inner if "name" in tool) or None


def _answer_hash(text: str, value: Any, calls: list[dict[str, Any]] | None) -> bytes:
    """Return what equal answers share: JSON whatever its layout, calls in any order."""
    if calls is not None:
        plain = "\n".join(sorted(map(_text, calls)))
    else:
        plain = text_key(text) if value is None else _text(value)
    plain = plain.casefold() if value is not None else plain
    return blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _label(label: object) -> str | None:
    if not isinstance(label, str | int | float):
        return None
    return sys.intern(normalise(_text(label))[:_LABEL])


@lru_cache(maxsize=16_384)
def _shared(value: Any) -> Any:
    """Return the one object that equal values share."""
    return value
