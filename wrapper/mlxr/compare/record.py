"""What compare reads of a prepared record besides its tokens."""

from __future__ import annotations

import json
import os.path
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlxr.compare.toolbox import tools_in

Record = Mapping[str, Any]


def target_text(record: Record) -> str:
    """Return the expected answer: the text of the last message, or its calls as JSON."""
    answer = record["messages"][-1]
    calls = answer.get("tool_calls")
    if calls:
        return json.dumps({"tool_calls": calls}, ensure_ascii=False)
    return str(answer.get("content") or "")


def offered_tools(record: Record) -> tuple[Mapping[str, Any], ...] | None:
    """Return the tools that a record declares, beside its messages or as JSON in one of them."""
    declared = record.get("tools")
    if declared:
        return tuple(tool for tool in declared if isinstance(tool, Mapping))
    texts = (_text(message) for message in record["messages"][:-1])
    return next((tools for text in texts if (tools := tools_in(text))), None)


def asked_text(record: Record) -> str:
    """Return what a record's prompt says, in plain words: each message with its role."""
    before = record["messages"][:-1]
    if len(before) == 1:
        return _text(before[0])
    return "\n\n".join(f"{message['role']}: {_text(message)}" for message in before)


def source_texts(records: Sequence[Record]) -> list[str]:
    """Return what each record's last question is about, without the words all of them share.

    The shared words are the template's: those up to the last line end or colon of the common
    beginning, and from the first line end of the common end.
    """
    texts = [_asked(record) for record in records]
    if len(texts) < 2 or len(set(texts)) == 1:
        return texts
    before = re.match(r"(?s).*[\n:]", _shared(texts))
    start = before.end() if before else 0
    after = re.match(r"(?s).*\n", _shared([text[start:][::-1] for text in texts]))
    end = after.end() if after else 0
    return [text[start : len(text) - end].strip() for text in texts]


def _shared(texts: Sequence[str]) -> str:
    return os.path.commonprefix(texts)  # noqa: RUF071  (characters are meant)


def _asked(record: Record) -> str:
    asked = (m for m in reversed(record["messages"][:-1]) if m.get("role") == "user")
    return _text(next(asked, {}))


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""
