"""What a record trains on: a conversation whose last message is the answer, or a plain text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

Message = dict[str, Any]
"""role and content; an assistant's may have tool_calls and a content of None."""

ROLES = ("system", "user", "assistant", "tool")


class BadRowError(Exception):
    """A row that cannot become a record; the text says why."""


@dataclass(frozen=True)
class Conversation:
    """Messages of which the last is the assistant's answer, and the tools on offer."""

    messages: tuple[Message, ...]
    tools: tuple[Any, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as mlx-lm reads it."""
        tools = {} if self.tools is None else {"tools": list(self.tools)}
        return {"messages": list(self.messages), **tools}

    @property
    def answers(self) -> list[int]:
        """The places of the assistant's messages that have something before them."""
        return [i for i, m in enumerate(self.messages) if i and m["role"] == "assistant"]

    def until(self, place: int) -> Conversation:
        """Return the conversation that ends with the answer at `place`."""
        return Conversation(self.messages[: place + 1], self.tools)


@dataclass(frozen=True)
class PlainText:
    """A text without prompt and answer: all of it is trained."""

    text: str

    def to_json(self) -> dict[str, Any]:
        """Return it as mlx-lm reads it."""
        return {"text": self.text}


Example = Conversation | PlainText


AnyExample = TypeVar("AnyExample", bound=Example)


def checked(example: AnyExample) -> AnyExample:
    """Return `example` if every tokenizer can take it; raises BadRowError."""
    if isinstance(example, PlainText):
        if not example.text.strip():
            raise BadRowError("empty text")
    else:
        _check_messages(example.messages)
    _check_text(example)
    return example


def _check_messages(messages: tuple[Message, ...]) -> None:
    if not messages:
        raise BadRowError("no messages")
    for message in messages:
        _check_message(message)
    last = messages[-1]
    if last["role"] != "assistant":
        raise BadRowError("no message is the assistant's")
    if not (last["content"] or "").strip() and not last.get("tool_calls"):
        raise BadRowError("empty answer")
    if len(messages) < 2:
        raise BadRowError("nothing stands before the answer")


def _check_message(message: Message) -> None:
    role, content = message["role"], message["content"]
    if role not in ROLES:
        raise BadRowError(f"unknown role {role!r}")
    calls = message.get("tool_calls")
    if calls is not None and not (isinstance(calls, list) and all(map(_is_call, calls))):
        raise BadRowError("tool_calls is not a list of calls")
    if content is None and role == "assistant":
        if not calls and "content" in message:
            raise BadRowError("empty answer")
    elif not isinstance(content, str):
        raise BadRowError(f"the content of a message is {kind(content)}, not text")


def _is_call(call: object) -> bool:
    return isinstance(call, dict) and bool(call)


def _check_text(example: Example) -> None:
    """Raise BadRowError on what JSON or UTF-8 cannot hold."""
    try:
        if isinstance(example, PlainText):
            example.text.encode()
        elif example.tools or any(message.keys() - _TEXTS for message in example.messages):
            json.dumps(example.to_json(), ensure_ascii=False, allow_nan=False).encode()
        else:
            for message in example.messages:
                message["content"].encode()
    except UnicodeEncodeError:
        raise BadRowError("text with half a character (a lone surrogate)") from None
    except (TypeError, ValueError) as error:
        raise BadRowError(f"a value that JSON cannot hold: {error}") from None


_TEXTS = {"role", "content"}
"""Keys of a message that hold text, as far as it is checked; an answer of only these has some."""


def kind(value: object) -> str:
    """Return what a JSON value is, in words."""
    kinds = {str: "text", bool: "true or false", int: "a number", float: "a number"}
    kinds |= {dict: "an object", list: "a list", type(None): "null"}
    return kinds.get(type(value), type(value).__name__)
