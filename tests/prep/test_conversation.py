from __future__ import annotations

import datetime
from typing import Any

import pytest

from mlxr.prep.conversation import BadRowError, Conversation, PlainText, checked, kind

USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]}


def test_answers_are_the_assistants_messages_with_something_before() -> None:
    conversation = Conversation((ANSWER, USER, CALL, {"role": "tool", "content": "5"}, ANSWER))
    assert conversation.answers == [2, 4]
    assert conversation.until(2) == Conversation((ANSWER, USER, CALL))


def test_tools_stay_when_a_conversation_is_cut() -> None:
    conversation = Conversation((USER, ANSWER, USER, ANSWER), ({"name": "f"},))
    assert conversation.until(1).to_json() == {
        "messages": [USER, ANSWER],
        "tools": [{"name": "f"}],
    }


@pytest.mark.parametrize(
    "example",
    [
        PlainText("Once"),
        Conversation((USER, ANSWER)),
        Conversation((USER, CALL)),
        Conversation((USER, {**CALL, "content": ""})),
        Conversation((USER, CALL, {"role": "tool", "content": ""}, ANSWER)),
        Conversation((USER, {**ANSWER, "content": "é\u2028\x00" + "9" * 5000})),
    ],
)
def test_what_passes_passes_as_it_is(example: Conversation | PlainText) -> None:
    assert checked(example) is example


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (datetime.date(2026, 1, 2), "a value that JSON cannot hold: Object of type date"),
        (b"x", "a value that JSON cannot hold: Object of type bytes"),
        (float("inf"), "a value that JSON cannot hold: Out of range"),
        ({"\ud800": 1}, "text with half a character"),
    ],
)
@pytest.mark.parametrize("place", ["arguments", "tools"])
def test_what_json_cannot_hold_is_found_wherever_it_stands(
    value: Any, reason: str, place: str
) -> None:
    call = {**CALL, "tool_calls": [{"function": {"arguments": value}}]}
    last, tools = (call, None) if place == "arguments" else (ANSWER, (value,))
    with pytest.raises(BadRowError) as raised:
        checked(Conversation((USER, last), tools))
    assert str(raised.value).startswith(reason)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (True, "true or false"),
        (1, "a number"),
        (1.5, "a number"),
        ("", "text"),
        (None, "null"),
        ([], "a list"),
        ({}, "an object"),
        (b"", "bytes"),
    ],
)
def test_a_value_is_named_in_words(value: object, word: str) -> None:
    assert kind(value) == word
