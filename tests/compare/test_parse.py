"""Reading JSON out of model text: the level, the value, and what must never be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxr.compare.parse import MAX_DEPTH, Parsed, embedded_values, read_json

RECORD = {"a": 1, "b": None}
TEXT = '{"a": 1, "b": null}'

READ = {
    TEXT: "strict",
    f"\ufeff \n{TEXT}\n ": "strict",
    f"```json\n{TEXT}\n```": "fenced",
    f"```\n{TEXT}\n```\n": "fenced",
    f"```{TEXT}```": "fenced",
    f"~~~json\n{TEXT}\n~~~": "fenced",
    f"<tool_call>{TEXT}</tool_call>": "fenced",
    f"<calls>\n{TEXT}\n</calls>": "fenced",
    f"[TOOL_CALLS]{TEXT}": "fenced",
    "{'a': 1, 'b': None}": "pyliteral",
    "```python\n{'a': 1, 'b': None}\n```": "pyliteral",
    f"Here: {TEXT}": "embedded",
    f"{TEXT} I hope this helps.": "embedded",
    f"Sure!\n```json\n{TEXT}\n```\nBye": "embedded",
    f"As [see below] and [1] and [2 of 3] and {{x}} say: {TEXT}": "embedded",
    f"[3, 4] {TEXT}": "embedded",
    f"```json\n{TEXT}\n```\n```json\n{{}}\n```": "embedded",
    f"{TEXT}\n{TEXT}": "embedded",
}

REFUSED = {
    "empty": "",
    "white space": " \ufeff\n",
    "prose": "I cannot help with that.",
    "another kind": "[1, 2]",
    "a scalar": "12",
    "an object inside a list": '[{"a": 1}]',
    "a repeated key": '{"a": 1, "a": 1}',
    "a repeated key in a fence": '```json\n{"a": 1, "a": 2}\n```',
    "a repeated key in prose": 'Here: {"a": 1, "a": 2} or {"a": 3}',
    "a repeated key in Python": "{'a': 1, 'a': 2}",
    "a repeated key deep inside": '{"b": {"a": 1, "a": 2}}',
    "NaN": '{"a": NaN}',
    "Infinity": '{"a": -Infinity}',
    "a number beyond floats": '{"a": 1e999}',
    "a number beyond floats in Python": "{'a': 1e999}",
    "NaN beside a good object": '[{"a": 1}, {"a": NaN}]',
    "cut off": '{"a": 1, "b": {"a": 1}',
    "a cut-off list": '[{"a": 1}, {"a": 2}, {"a"',
    "cut off, then whole": '{"a": 1, "b": {"a": 1} ',
    "too deep": '{"a":' * 2000 + "1" + "}" * 2000,
    "far too deep": '{"a":' * 200_000,
    "an endless bracket": "[" * 200_000,
    "an endless brace": "{" * 200_000,
    "a number with too many digits": '{"a": ' + "9" * 10_000 + "}",
    "keys that are no text": "{1: 2}",
    "a Python set": "{1, 2}",
    "bytes": "{'a': b'x'}",
    "an unhashable key": "{[1]: 2}",
    "code": "{'a': open('x')}",
    "a null character": "{'a': \0}",
    "a trailing comma": '{"a": 1,}}',
}


@pytest.mark.parametrize("text", READ)
def test_an_object_is_read_at_its_level(text: str) -> None:
    assert read_json(text) == Parsed(READ[text], RECORD)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_one_whole_object_is_refused(case: str) -> None:
    parsed = read_json(REFUSED[case])
    assert (parsed.level, parsed.value) == ("fail", None)
    assert parsed.problem


def test_the_reason_is_named() -> None:
    problems = [read_json(REFUSED[case]).problem for case in ("empty", "prose", "a repeated key")]
    assert problems == [
        "the output is empty",
        "no JSON object was found",
        "a key occurs twice in one JSON object",
    ]
    assert read_json(REFUSED["cut off"]).problem == "a JSON value opens and is never completed"


def test_a_fence_may_hold_backticks_in_a_string() -> None:
    assert read_json('```json\n{"a": "```x```"}\n```') == Parsed("fenced", {"a": "```x```"})


def test_dict_literals_on_lines_are_a_list() -> None:
    text = "{'name': 'f'}\n\n{'name': 'g'}\n"
    assert read_json(text, (dict, list)) == Parsed("pyliteral", [{"name": "f"}, {"name": "g"}])
    assert read_json("{'name': 'f'}\n{'name': g}", (list,)).level == "fail"


def test_embedded_values_come_from_left_to_right_and_outermost() -> None:
    text = 'One {"a": {"b": 1}} two [[1]] three [TOOL_CALLS] {}'
    assert list(embedded_values(text)) == [{"a": {"b": 1}}, [[1]], {}]


def test_a_value_at_the_depth_limit_is_read() -> None:
    for depth, level in ((MAX_DEPTH + 1, "strict"), (MAX_DEPTH + 2, "fail")):
        assert read_json("[" * depth + "]" * depth, (list,)).level == level


def test_a_stray_escape_in_a_literal_warns_nobody(recwarn: pytest.WarningsRecorder) -> None:
    assert read_json(r"{'a': '\d'}").value == {"a": r"\d"}
    assert not list(recwarn)


@given(st.text(max_size=60) | st.text("{}[]\"':,1aN \n`<>/", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    parsed = read_json(text, (dict, list))
    assert (parsed.level == "fail") == (parsed.value is None) == bool(parsed.problem)
