"""Reading one record: copies, fields, equality; and that nothing makes it fail or crawl."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxr.prep.audit.content import PATHS, Content, read
from mlxr.prep.audit.grounding import COMPUTABLE, FOUND, FREE, MISSING, NULL, UNOFFERED
from mlxr.prep.conversation import Conversation
from prep.audit.answered import conversation, event, events

CALL = {"name": "get_weather", "arguments": {"city": "Kyoto", "days": 3}}
OPENAI = [
    {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Kyoto", "days": 3}'},
    }
]
LONG = "The bridge was built in 1893 by two brothers from Porto. "


def states(content: Content) -> dict[str, int]:
    return dict(zip(content.paths, content.states, strict=True))


def of(prompt: str, answer: Any, tools: tuple[Any, ...] | None = None) -> Content:
    text = answer if isinstance(answer, str | list) else json.dumps(answer)
    return read(conversation(prompt, text, tools))


def test_fields_have_paths_and_the_worst_state() -> None:
    answer = {"who": ["Ada", "Eve"], "at": {"room": None, "big": True}, "rows": [{"n": 7}]}
    assert states(of("Ada has 12 rows", answer)) == {
        "who[]": MISSING,
        "at.room": NULL,
        "at.big": FREE,
        "rows[].n": COMPUTABLE,
    }


@pytest.mark.parametrize(
    "answer",
    [
        OPENAI,
        json.dumps([CALL]),
        json.dumps(CALL),
        str(CALL),
        f"```json\n{json.dumps(CALL)}\n```",
        f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>",
        f"{CALL}\n{CALL}",
    ],
)
def test_calls_are_read_in_every_notation(answer: Any) -> None:
    said = "get_weather: is it dry in Kyoto?"
    assert states(of(said, answer)) == {"name": FOUND, "arguments": COMPUTABLE}


def test_a_called_tool_must_be_on_offer() -> None:
    tool: dict[str, Any] = {"type": "function", "function": {"name": "find_hotel"}}
    assert states(of("get_weather in Kyoto, 3 days", OPENAI, (tool,)))["name"] == UNOFFERED
    tool["function"]["name"] = "get_weather"
    assert states(of("Kyoto, 3 days", OPENAI, (tool,)))["name"] == FOUND
    assert states(of("Kyoto, 3 days", OPENAI))["name"] == COMPUTABLE


def test_values_may_stand_in_tools_and_earlier_turns() -> None:
    turns: tuple[dict[str, Any], ...] = (
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "locate"}}]},
        {"role": "tool", "content": '{"city": "Kyoto"}'},
        {"role": "assistant", "content": '{"city": "Kyoto", "by": "locate", "unit": "celsius"}'},
    )
    tools = ({"name": "w", "parameters": {"unit": "celsius or kelvin"}},)
    assert set(states(read(Conversation(turns, tools))).values()) == {FOUND}


@pytest.mark.parametrize(
    "prompt",
    [
        json.dumps([CALL]),
        json.dumps([CALL], indent=4),
        json.dumps([CALL]).upper(),
        str([CALL]),
        json.dumps(json.dumps([CALL])),
        json.dumps([dict(reversed(CALL.items()))]),
        json.dumps([{**CALL, "arguments": {"days": 3, "city": "Kyoto"}}]),
    ],
)
@pytest.mark.parametrize("answer", [json.dumps([CALL]), OPENAI])
def test_a_copied_call_is_seen_in_any_formatting(prompt: str, answer: Any) -> None:
    assert of(f"Solve this.\n{LONG * 40}\n{prompt}", answer).copied


@pytest.mark.parametrize(
    "prompt",
    [
        "get_weather for Kyoto, 3 days",
        "name: get_weather\ncity: Kyoto\ndays: 3",
        json.dumps([{**CALL, "arguments": {"city": "Kyoto", "days": 4}}]),
        json.dumps({"name": "get_weather"}) + LONG * 20 + '{"city": "Kyoto"} {"days": 3}',
    ],
)
def test_its_parts_are_no_copy(prompt: str) -> None:
    assert not of(prompt, [CALL]).copied


@pytest.mark.parametrize(
    ("prompt", "answer", "copied"),
    [
        ("Is it spam or ham?", "spam", False),
        ("Choose: {'label': 'technology'} or {'label': 'sports'}", {"label": "technology"}, False),
        (f"{LONG}Who built it?", "two brothers from Porto", False),
        (f"{LONG * 9}When and by whom?", "in 1893 by two brothers from Porto", False),
        ("When? In 1893 by two brothers from Porto", "in 1893 by\ntwo brothers FROM Porto", True),
        (LONG * 9, LONG * 3, True),
    ],
)
def test_short_answers_may_stand_in_the_prompt(prompt: str, answer: Any, copied: bool) -> None:
    assert of(prompt, answer).copied is copied


def test_a_call_without_arguments_is_copied_with_its_brackets_only() -> None:
    call = [{"name": "today", "arguments": {}}]
    assert of(f"The date? {call}", call).copied
    assert not of('{"name": "today", "parameters": {}} The date?', call).copied


def test_equal_answers_have_equal_hashes() -> None:
    one, two = {"a": 1, "b": [2, 3]}, '{"b":[2,3],\n "a":1}'
    assert of("x", one).answer == of("y", two).answer
    assert of("x", one).answer != of("x", {"a": 1, "b": [3, 2]}).answer
    assert of("x", "Yes. ").answer == of("x", "yes").answer != of("x", "no").answer
    assert of("x", OPENAI).answer == of("x", [CALL]).answer


def test_a_record_takes_about_200_bytes() -> None:
    contents = [of(*event(number)) for number in range(500)]
    shared = {id(part): part for c in contents for part in (c.paths, c.states)}
    sizes = [sys.getsizeof(c) + sys.getsizeof(c.packed) for c in contents]
    assert (sum(sizes) + sum(map(sys.getsizeof, shared.values()))) / len(contents) < 200


def test_labels_are_kept_in_lower_case() -> None:
    row = events(1)[0]
    labels = [read(conversation(row.prompt, row.answer), x).label for x in (False, 0, "Bad", None)]
    assert labels == ["false", "0", "bad", None]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
notations = st.sampled_from([json.dumps, str])
messages = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant"]),
        "content": json_values | st.builds(lambda f, v: f(v), notations, json_values),
    },
    optional={"tool_calls": json_values},
)


@given(st.lists(messages, max_size=4), st.none() | st.lists(json_values, max_size=3), json_values)
def test_nothing_makes_it_fail(
    turns: list[dict[str, Any]], tools: list[Any] | None, label: object
) -> None:
    content = read(Conversation(tuple(turns), None if tools is None else tuple(tools)), label)
    assert len(content.paths) == len(content.states) == len(list(content.fields()))


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": [value]}
    return value


HOSTILE: dict[str, Any] = {
    "deep text": "[" * 100_000,
    "deep json": '{"a":[' * 400 + "1" + "]}" * 400,
    "deep call": [{"name": "f", "arguments": nested(5000)}],
    "deep list": [{"arguments": nested(5000)}],
    "minus": "[" + "-" * 19_000 + "1]",
    "digits": "9" * 100_000,
    "huge integer": [{"name": "f", "arguments": {"n": 10**5000}}],
    "nan": '{"a": NaN, "b": -Infinity, "c": 1e999}',
    "many keys": json.dumps({f"k{i}": f"v{i} w{i}" for i in range(8_000)}),
    "many items": json.dumps([f"{i} hours" for i in range(50_000)]),
    "many items of one": json.dumps(["a"] * 200_000),
    "one long word": json.dumps({"a": "a" * 1_000_000}),
    "spaces": json.dumps({"a": " " * 1_000_000}),
    "times": json.dumps({"a": "10:30 " * 150_000}),
    "hours": json.dumps({"a": "an hour and a half and " * 40_000}),
    "surrogate": "\ud800",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_answers_are_read(kind: str) -> None:
    """Quadratic work on a megabyte would take hours here, not a second."""
    answer = HOSTILE[kind]
    text = answer if isinstance(answer, str) else "a b " * 250_000
    for prompt in ("", text, "aaaa" * 250_000, "12:30 1,000 " * 80_000, "an hour and " * 80_000):
        content = read(conversation(prompt, answer))
        assert len(content.paths) <= PATHS
