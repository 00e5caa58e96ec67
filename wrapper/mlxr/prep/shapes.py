"""From a row to what it trains on: through a template, or by the columns it has.

    messages / conversations         [{"role": "user", "content": "Hi"}, …]   or from and value
    prompt and completion            two texts, or two lists of messages
    instruction, input, output       input may be missing or empty
    text                             trained whole
A column `tools` comes along with messages; so does a column `system` with the next two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from mlxr.errors import MlxrError
from mlxr.prep.conversation import (
    BadRowError,
    Conversation,
    Example,
    Message,
    PlainText,
    checked,
    kind,
)
from mlxr.prep.sandbox import names
from mlxr.prep.template import REQUIRED, Template
from mlxr.recipe import Recipe

Values = Mapping[str, Any]
"""A row's columns."""
Shape = Callable[[Values], Example]

NAMES = {
    **dict.fromkeys(("human", "prompter"), "user"),
    **dict.fromkeys(("gpt", "bot", "ai", "model", "chatgpt", "function_call"), "assistant"),
    **dict.fromkeys(("function", "function_response", "observation", "tool_results"), "tool"),
    "developer": "system",
}
"""Other names for roles that data sets use."""
_KEPT = ("tool_calls", "tool_call_id", "name", "reasoning_content")
"""What chat templates read of a message besides role and content."""


def shape_of(recipe: Recipe) -> Shape:
    """Return the function from a row to a conversation or text.

    It raises BadRowError and TemplateFailedError, and MlxrError for plain text where the recipe
    masks prompts. Raises MlxrError when the recipe's template is broken.
    """
    if recipe.template:
        return _checked(partial(from_template, Template(recipe.template)))
    if recipe.data.messages:
        return _checked(partial(from_column, recipe.data.messages))
    return _checked(partial(from_known, masks=recipe.train.mask_prompt))


def _checked(shape: Shape) -> Shape:
    def read(row: Values) -> Example:
        try:
            return checked(shape(row))
        except RecursionError:
            raise BadRowError("a value that is nested too deeply") from None

    return read


def from_template(template: Template, row: Values) -> Conversation:
    """Return the conversation that a template makes of `row`."""
    return _of_blocks(template.render(row), REQUIRED)


def question_from_template(template: Template, row: Values) -> Conversation:
    """Return the same without its answer, of which `row` need not know anything."""
    return _of_blocks(template.render(row, ("system", "tools", "prompt")), ("prompt",))


def _of_blocks(texts: Mapping[str, str], required: Sequence[str]) -> Conversation:
    for block in required:
        if block not in texts:
            raise BadRowError(f"block {block!r} of the template was not reached")
    if not texts["prompt"]:
        raise BadRowError("empty prompt")
    roles = {"system": "system", "prompt": "user", "completion": "assistant"}
    messages = tuple(
        {"role": role, "content": texts[block]}
        for block, role in roles.items()
        if texts.get(block) or (block == "completion" and block in required)
    )
    return Conversation(messages, tools_of(texts.get("tools") or None, "block 'tools'"))


def from_column(column: str, row: Values) -> Conversation:
    """Return the conversation in `column`, up to the assistant's last message.

    The tools of a column `tools` come along if there is one.
    """
    if column not in row:
        raise BadRowError(f"no column '{column}' (there are {names(row)})")
    turns = _parsed(row[column])
    if not isinstance(turns, list):
        raise BadRowError(f"'{column}' is {kind(turns)}, not a list of messages")
    messages = [_message(turn) for turn in turns]
    last = max((i for i, m in enumerate(messages) if m["role"] == "assistant"), default=None)
    until = len(messages) if last is None else last + 1
    return Conversation(tuple(messages[:until]), tools_of(row.get("tools"), "'tools'"))


def from_known(row: Values, masks: bool) -> Example:
    """Return what a row's columns hold, by the names that data sets use."""
    for columns, read in KNOWN.items():
        if all(name in row for name in columns):
            if read is _text and masks:
                raise MlxrError(
                    f"The rows are plain text (column '{columns[0]}'): there is no prompt to mask.",
                    "Set train.mask_prompt = false, or write a template with both blocks.",
                )
            return read(row)
    there = names(row) or "none"
    known = "; ".join(" + ".join(columns) for columns in KNOWN)
    raise BadRowError(
        f"columns of no known shape ({there}; known: {known}): name the one that holds messages"
        " with data.messages, or write a data.template like {% block prompt %}{{ COLUMN }}"
        "{% endblock %}{% block completion %}{{ OTHER }}{% endblock %}"
    )


def _pair(prompt: str, completion: str, row: Values) -> Conversation:
    """Return the conversation of two columns that hold texts, or lists of messages."""
    first, second = row[prompt], row[completion]
    if isinstance(first, list) and isinstance(second, list):
        if not any(_message(turn)["role"] == "assistant" for turn in second):
            raise BadRowError(f"no message of '{completion}' is the assistant's")
        joined = {"messages": first + second, "tools": row.get("tools")}
        return from_column("messages", joined)
    return _exchange(row, _string(row, prompt), _string(row, completion))


def _instruction(row: Values) -> Conversation:
    parts = [_string(row, "instruction"), _string(row, "input") if row.get("input") else ""]
    return _exchange(row, "\n\n".join(filter(None, parts)), _string(row, "output"))


def _exchange(row: Values, prompt: str, completion: str) -> Conversation:
    if not prompt.strip():
        raise BadRowError("empty prompt")
    system = [{"role": "system", "content": row["system"]}] if row.get("system") else []
    turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]
    return Conversation((*system, *turns), tools_of(row.get("tools"), "'tools'"))


def _text(row: Values) -> PlainText:
    return PlainText(_string(row, "text"))


KNOWN: dict[tuple[str, ...], Shape] = {
    ("messages",): partial(from_column, "messages"),
    ("conversations",): partial(from_column, "conversations"),
    ("prompt", "completion"): partial(_pair, "prompt", "completion"),
    ("instruction", "output"): _instruction,
    ("text",): _text,
}
"""Columns by which a row's shape is known, and how it is read."""


def _string(row: Values, column: str) -> str:
    value = row[column]
    if not isinstance(value, str):
        raise BadRowError(f"'{column}' is {kind(value)}, not text")
    return value


def _message(turn: object) -> Message:
    if not isinstance(turn, dict):
        raise BadRowError(f"a message is {kind(turn)}, not an object")
    role, content = ("role", "content") if "role" in turn else ("from", "value")
    if role not in turn:
        raise BadRowError("a message has no role")
    name = NAMES.get(turn[role], turn[role]) if isinstance(turn[role], str) else turn[role]
    kept = {key: turn[key] for key in _KEPT if turn.get(key) is not None}
    if "tool_calls" in kept:
        kept["tool_calls"] = _calls(kept["tool_calls"])
    if kept.get("tool_calls") == []:  # templates ask only whether there is a list
        del kept["tool_calls"]
    return {"role": name, "content": turn.get(content), **kept}


def _calls(calls: object) -> object:
    """Return tool calls with their arguments as objects, as chat templates take them.

    OpenAI writes arguments as JSON in a string; mlx_lm.server reads that too before it renders.
    """
    if not isinstance(calls, list):
        return calls
    return [_call(call) if isinstance(call, dict) else call for call in calls]


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
        return call
    arguments = _parsed(function["arguments"])
    if not isinstance(arguments, dict):
        return call
    return {**call, "function": {**function, "arguments": arguments}}


def tools_of(value: object, where: str) -> tuple[Any, ...] | None:
    """Return the tools that a list, or JSON text, names; None where there are none.

    Chat templates look for {"type": "function", "function": {…}}: a bare function is wrapped.
    """
    tools = _parsed(value)
    if tools in (None, [], ""):
        return None
    if not isinstance(tools, list):
        raise BadRowError(f"{where} is {kind(tools)}, not a list")
    return tuple(
        {"type": "function", "function": tool}
        if isinstance(tool, dict) and "name" in tool and "function" not in tool
        else tool
        for tool in tools
    )


def _parsed(value: object) -> object:
    """Return what JSON text holds; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
