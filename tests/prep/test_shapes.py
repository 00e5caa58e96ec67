from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlxr.prep.shapes import BadRowError, Conversation, checked, from_column, from_template
from mlxr.prep.template import Template

USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}
CALL = {"id": "a1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def shaped(row: dict[str, Any]) -> Conversation:
    return checked(from_column("turns", row))


def test_role_and_content_pass_with_what_templates_read() -> None:
    tool = {"role": "tool", "content": "5", "tool_call_id": "a1", "time": 12, "name": None}
    row = {"turns": [USER, {**ANSWER, "content": None, "tool_calls": [CALL]}, tool, ANSWER]}
    assert shaped(row).to_json() == {
        "messages": [
            USER,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "5", "tool_call_id": "a1"},
            ANSWER,
        ]
    }


def test_from_and_value_are_role_and_content() -> None:
    turns = [
        {"from": "system", "value": "Be brief."},
        {"from": "human", "value": "Hi"},
        {"from": "gpt", "value": "Hello"},
    ]
    system = {"role": "system", "content": "Be brief."}
    assert shaped({"turns": turns}).to_json() == {"messages": [system, USER, ANSWER]}


def test_a_list_of_tools_comes_along() -> None:
    tools = [{"type": "function"}]
    assert shaped({"turns": [USER, ANSWER], "tools": tools}).to_json()["tools"] == tools


def test_an_answer_may_be_only_a_call() -> None:
    last = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    assert shaped({"turns": [USER, last]}).messages[-1] == last


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"turn": []}, "no column 'turns' (there are turn)"),
        ({"turns": "Hi"}, "'turns' is text, not a list of messages"),
        ({"turns": None}, "'turns' is null, not a list of messages"),
        ({"turns": []}, "no messages"),
        ({"turns": ["Hi"]}, "a message is text, not an object"),
        ({"turns": [{"content": "Hi"}]}, "a message has no role"),
        ({"turns": [{"role": "bot", "content": "Hi"}]}, "unknown role 'bot'"),
        ({"turns": [{"role": ["user"], "content": "Hi"}]}, "unknown role ['user']"),
        (
            {"turns": [{"role": "user", "content": 5}]},
            "the content of a message is a number, not text",
        ),
        (
            {"turns": [{"role": "user", "content": None}]},
            "the content of a message is null, not text",
        ),
        ({"turns": [USER]}, "the last message is not the assistant's"),
        ({"turns": [USER, {**ANSWER, "content": " \n"}]}, "empty answer"),
        ({"turns": [USER, {**ANSWER, "content": None}]}, "empty answer"),
        ({"turns": [ANSWER]}, "nothing stands before the answer"),
        ({"turns": [USER, {**ANSWER, "tool_calls": "f()"}]}, "tool_calls is not a list of calls"),
        ({"turns": [USER, ANSWER], "tools": "[]"}, "'tools' is text, not a list"),
        (
            {"turns": [USER, {**ANSWER, "content": "\ud83d"}]},
            "text with half a character (a lone surrogate)",
        ),
        (
            {"turns": [USER, {**ANSWER, "tool_calls": [{"x": float("nan")}]}]},
            "a value that JSON cannot hold: Out of range float values are not JSON compliant",
        ),
    ],
)
def test_a_bad_row_says_why(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRowError) as raised:
        shaped(row)
    assert str(raised.value).startswith(reason)


@pytest.fixture
def template(tmp_path: Path) -> Template:
    path = tmp_path / "t.jinja"
    path.write_text(
        "{% block system %}{{ s }}{% endblock %}"
        "{% if p != 'skip' %}{% block prompt %}{{ p }}{% endblock %}{% endif %}"
        "{% block completion %}{{ c }}{% endblock %}"
    )
    return Template(path)


def test_blocks_become_messages_and_an_empty_system_none(template: Template) -> None:
    conversation = checked(from_template(template, {"s": " ", "p": "Hi", "c": "Hello"}))
    assert conversation == Conversation((USER, ANSWER))
    roles = [m["role"] for m in from_template(template, {"s": "S", "p": "P", "c": "C"}).messages]
    assert roles == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"s": "", "p": " ", "c": "x"}, "empty prompt"),
        ({"s": "", "p": "x", "c": " "}, "empty answer"),
        ({"s": "", "p": "skip", "c": "x"}, "block 'prompt' of the template was not reached"),
    ],
)
def test_a_template_can_make_a_bad_row(
    template: Template, row: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BadRowError) as raised:
        checked(from_template(template, row))
    assert str(raised.value) == reason
