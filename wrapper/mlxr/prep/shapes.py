"""From a row to a conversation: through a template, or from a column that holds one.

{"role": "user", "content": "Hi"}        or        {"from": "human", "value": "Hi"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlxr.prep.template import Template
from mlxr.recipe import Recipe

Message = dict[str, Any]
"""role and content; an assistant's may have tool_calls and a content of None."""
Shape = Callable[[Mapping[str, Any]], "Conversation"]

ROLES = ("system", "user", "assistant", "tool")
NAMES = {"human": "user", "gpt": "assistant"}
"""Other names for roles, as `from` uses them."""
_KEPT = ("tool_calls", "tool_call_id", "name", "reasoning_content")
"""What chat templates read of a message besides role and content."""


class BadRowError(Exception):
    """A row that cannot become a conversation; the text says why."""


@dataclass(frozen=True)
class Conversation:
    """Messages of which the last is the assistant's answer, and the tools on offer."""

    messages: tuple[Message, ...]
    tools: tuple[Any, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as mlx-lm reads it."""
        tools = {} if self.tools is None else {"tools": list(self.tools)}
        return {"messages": list(self.messages), **tools}


def shape_of(recipe: Recipe) -> Shape:
    """Return the function from a row to a conversation.

    It raises BadRowError and TemplateFailedError. Raises MlxrError when the recipe's template
    is broken.
    """
    if recipe.template:
        template = Template(recipe.template)
        return lambda row: checked(from_template(template, row))
    column = recipe.data.messages or ""
    return lambda row: checked(from_column(column, row))


def from_template(template: Template, row: Mapping[str, Any]) -> Conversation:
    """Return the conversation that a template makes of `row`."""
    texts = template.render(row)
    for block in ("prompt", "completion"):
        if block not in texts:
            raise BadRowError(f"block {block!r} of the template was not reached")
    if not texts["prompt"]:
        raise BadRowError("empty prompt")
    roles = {"system": "system", "prompt": "user", "completion": "assistant"}
    return Conversation(
        tuple(
            {"role": role, "content": texts[block]}
            for block, role in roles.items()
            if texts.get(block) or block == "completion"
        )
    )


def from_column(column: str, row: Mapping[str, Any]) -> Conversation:
    """Return the conversation in `column`, with the tools of a column `tools` if there is one."""
    if column not in row:
        raise BadRowError(f"no column '{column}' (there are {', '.join(map(str, row))})")
    turns, tools = row[column], row.get("tools")
    if not isinstance(turns, list):
        raise BadRowError(f"'{column}' is {_kind(turns)}, not a list of messages")
    if tools is not None and not isinstance(tools, list):
        raise BadRowError(f"'tools' is {_kind(tools)}, not a list")
    return Conversation(tuple(map(_message, turns)), tuple(tools) if tools else None)


def _message(turn: object) -> Message:
    if not isinstance(turn, dict):
        raise BadRowError(f"a message is {_kind(turn)}, not an object")
    role, content = ("role", "content") if "role" in turn else ("from", "value")
    if role not in turn:
        raise BadRowError("a message has no role")
    name = NAMES.get(turn[role], turn[role]) if isinstance(turn[role], str) else turn[role]
    kept = {key: turn[key] for key in _KEPT if turn.get(key) is not None}
    return {"role": name, "content": turn.get(content), **kept}


def checked(conversation: Conversation) -> Conversation:
    """Return `conversation` if every tokenizer can take it; raises BadRowError."""
    messages = conversation.messages
    if not messages:
        raise BadRowError("no messages")
    for message in messages:
        _check_message(message)
    last = messages[-1]
    if last["role"] != "assistant":
        raise BadRowError("the last message is not the assistant's")
    if not (last["content"] or "").strip() and not last.get("tool_calls"):
        raise BadRowError("empty answer")
    if len(messages) < 2:
        raise BadRowError("nothing stands before the answer")
    _check_text(conversation)
    return conversation


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
        raise BadRowError(f"the content of a message is {_kind(content)}, not text")


def _is_call(call: object) -> bool:
    return isinstance(call, dict) and bool(call)


def _check_text(conversation: Conversation) -> None:
    """Raise BadRowError on what JSON or UTF-8 cannot hold."""
    try:
        json.dumps(conversation.to_json(), ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise BadRowError("text with half a character (a lone surrogate)") from None
    except (TypeError, ValueError) as error:
        raise BadRowError(f"a value that JSON cannot hold: {error}") from None


def _kind(value: object) -> str:
    kinds = {str: "text", bool: "true or false", int: "a number", float: "a number"}
    kinds |= {dict: "an object", list: "a list", type(None): "null"}
    return kinds.get(type(value), type(value).__name__)
