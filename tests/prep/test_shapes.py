from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxr.errors import MlxrError
from mlxr.prep.conversation import BadRowError, Conversation, PlainText, checked
from mlxr.prep.sandbox import TemplateFailedError
from mlxr.prep.shapes import KNOWN, NAMES, Shape, from_column, from_known, from_template, shape_of
from mlxr.prep.template import Template
from prep.samples import make_recipe

USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}
CALL = {"id": "a1", "type": "function", "function": {"name": "f", "arguments": {"x": [1]}}}


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
        ({"turns": [{"role": "judge", "content": "Hi"}]}, "unknown role 'judge'"),
        ({"turns": [{"role": ["user"], "content": "Hi"}]}, "unknown role ['user']"),
        (
            {"turns": [{"role": "user", "content": 5}]},
            "the content of a message is a number, not text",
        ),
        (
            {"turns": [{"role": "user", "content": None}]},
            "the content of a message is null, not text",
        ),
        ({"turns": [USER]}, "no message is the assistant's"),
        ({"turns": [USER, {**ANSWER, "content": " \n"}]}, "empty answer"),
        ({"turns": [USER, {**ANSWER, "content": None}]}, "empty answer"),
        ({"turns": [ANSWER]}, "nothing stands before the answer"),
        ({"turns": [USER, {**ANSWER, "tool_calls": "f()"}]}, "tool_calls is not a list of calls"),
        ({"turns": [USER, ANSWER], "tools": "f"}, "'tools' is text, not a list"),
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


def known(row: dict[str, Any], masks: bool = True) -> dict[str, Any]:
    return checked(from_known(row, masks)).to_json()


BOTH = {"messages": [USER, ANSWER]}


@pytest.mark.parametrize("column", ["messages", "conversations"])
def test_a_conversation_is_known_by_its_column(column: str) -> None:
    assert known({column: [USER, ANSWER], "id": 3}) == BOTH
    assert known({column: json.dumps([USER, ANSWER])}) == BOTH


@pytest.mark.parametrize(("other", "role"), NAMES.items())
def test_every_other_name_of_a_role_is_known(other: str, role: str) -> None:
    turns = [{"from": "human", "value": "Hi"}, {"from": other, "value": "x"}, ANSWER]
    assert shaped({"turns": turns}).messages[1] == {"role": role, "content": "x"}


def test_a_conversation_is_cut_to_the_last_answer() -> None:
    assert shaped({"turns": [USER, ANSWER, USER, {"role": "tool", "content": "5"}]}).to_json() == (
        BOTH
    )


def called(arguments: object) -> object:
    call = {"type": "function", "function": {"name": "f", "arguments": arguments}}
    turns = [USER, {"role": "assistant", "content": None, "tool_calls": [call]}]
    return shaped({"turns": turns}).messages[1]["tool_calls"][0]["function"]["arguments"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('{"x": [1, null]}', {"x": [1, None]}),
        (" {} ", {}),
        ({"x": 1}, {"x": 1}),
        ("[1]", "[1]"),
        ("{broken", "{broken"),
        ("", ""),
    ],
)
def test_arguments_written_as_json_become_objects(written: object, read: object) -> None:
    assert called(written) == read


def test_an_empty_list_of_calls_is_none() -> None:
    assert shaped({"turns": [USER, {**ANSWER, "tool_calls": []}]}).to_json() == BOTH


FUNCTION = {"name": "f", "parameters": {"type": "object"}}
WRAPPED = {"type": "function", "function": FUNCTION}


@pytest.mark.parametrize(
    ("tools", "expected"),
    [
        ([WRAPPED], [WRAPPED]),
        ([FUNCTION, WRAPPED], [WRAPPED, WRAPPED]),
        (json.dumps([FUNCTION]), [WRAPPED]),
        ([], None),
        ("[]", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("shape", [BOTH, {"prompt": "Hi", "completion": "Hello"}])
def test_tools_are_a_list_or_json_and_bare_functions_are_wrapped(
    shape: dict[str, Any], tools: object, expected: object
) -> None:
    assert known({**shape, "tools": tools}).get("tools") == expected


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi", "completion": "Hello"},
        {"prompt": [USER], "completion": [ANSWER]},
        {"prompt": [{"from": "human", "value": "Hi"}], "completion": [ANSWER, USER]},
        {"instruction": "Hi", "output": "Hello"},
        {"instruction": "Hi", "input": None, "output": "Hello"},
        {"instruction": "Hi", "input": "", "output": "Hello", "text": "Hi Hello"},
    ],
)
def test_prompt_and_answer_are_known_by_their_columns(row: dict[str, Any]) -> None:
    assert known(row) == BOTH


def test_an_input_follows_its_instruction_and_a_system_column_leads() -> None:
    row = {"instruction": "Add.", "input": "1 2", "output": "3", "system": "Be brief."}
    assert [m["content"] for m in known(row)["messages"]] == ["Be brief.", "Add.\n\n1 2", "3"]
    roles = [m["role"] for m in known(row)["messages"]]
    assert roles == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "Hi", "completion": 5}, "'completion' is a number, not text"),
        ({"prompt": [USER], "completion": "Hello"}, "'prompt' is a list, not text"),
        ({"prompt": " ", "completion": "Hello"}, "empty prompt"),
        ({"prompt": "Hi", "completion": ""}, "empty answer"),
        (
            {"prompt": [USER, ANSWER], "completion": []},
            "no message of 'completion' is the assistant's",
        ),
        (
            {"prompt": [USER, ANSWER], "completion": [USER]},
            "no message of 'completion' is the assistant's",
        ),
        ({"instruction": "Hi", "input": 5, "output": "x"}, "'input' is a number, not text"),
        ({"prompt": "Hi", "completion": "x", "system": 5}, "the content of a message is a number"),
        ({"prompt": "Hi", "completion": "x", "tools": 5}, "'tools' is a number, not a list"),
        (
            {"question": "Hi", "reply": "Hello"},
            "columns of no known shape (question, reply; known: messages; conversations; prompt + ",
        ),
        ({"prompt": "Hi"}, "columns of no known shape (prompt; known: "),
        ({}, "columns of no known shape (none; known: "),
    ],
)
def test_a_row_of_no_use_says_why(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRowError) as raised:
        known(row)
    assert str(raised.value).startswith(reason)


def test_plain_text_has_no_prompt_to_mask() -> None:
    assert from_known({"text": "Once"}, masks=False) == PlainText("Once")
    with pytest.raises(MlxrError, match=r"plain text \(column 'text'\)") as raised:
        from_known({"text": "Once"}, masks=True)
    assert "train.mask_prompt = false" in raised.value.hint
    with pytest.raises(BadRowError, match="empty text"):
        known({"text": " \n"}, masks=False)
    with pytest.raises(BadRowError, match="'text' is null, not text"):
        known({"text": None}, masks=False)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> list[Shape]:
    """Return every way of shaping a row that a recipe has."""
    root = tmp_path_factory.mktemp("shapes")
    path = root / "any.jinja"
    path.write_text(
        "{% block prompt %}{{ prompt }}{% endblock %}{% block tools %}{{ tools }}{% endblock %}"
        "{% block completion %}{{ completion }}{% endblock %}"
    )
    column = make_recipe(root, "x", data={"messages": "messages"})
    template = make_recipe(root, "x", data={"template": str(path)})
    bare = column.data.model_copy(update={"messages": None})
    masked = column.model_copy(update={"data": bare})
    train = column.train.model_copy(update={"mask_prompt": False})
    plain = masked.model_copy(update={"train": train})
    return [shape_of(recipe) for recipe in (column, template, masked, plain)]


def test_a_recipe_says_how_rows_are_read(shapes: list[Shape]) -> None:
    row = {**BOTH, "prompt": "P", "completion": "C", "tools": ""}
    read = [shape(row).to_json()["messages"][0]["content"] for shape in shapes]
    assert read == ["Hi", "P", "Hi", "Hi"]


def test_what_is_nested_too_deeply_is_a_bad_row(shapes: list[Shape]) -> None:
    deep = "[" * 10**5
    rows: list[dict[str, Any]] = [{"messages": deep}, {"messages": [USER, ANSWER], "tools": deep}]
    nested: list[Any] = []
    for _ in range(10**4):
        nested = [nested]
    rows += [{"messages": [{"role": nested}]}, {"messages": [USER, ANSWER], "tools": nested}]
    for row in rows:
        with pytest.raises(BadRowError, match="nested too deeply"):
            shapes[0](row)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
words = st.sampled_from([*NAMES, "system", "user", "assistant", "tool", "judge"])
message = st.fixed_dictionaries(
    {},
    optional={
        "role": words | json_values,
        "content": st.text() | json_values,
        "from": words,
        "value": st.text(),
        "tool_calls": st.lists(
            st.fixed_dictionaries({"function": st.fixed_dictionaries({"arguments": json_values})})
        )
        | json_values,
        "name": json_values,
    },
)
turns = st.lists(message | st.just(USER) | st.just(ANSWER), max_size=5)
columns = sorted({name for names in KNOWN for name in names} | {"tools", "system", "input"})
values = st.text() | json_values | turns | turns.map(json.dumps) | json_values.map(json.dumps)
rows = st.dictionaries(st.sampled_from(columns) | st.text(), values, max_size=6)


@given(row=rows)
def test_any_row_gives_an_example_that_every_tokenizer_can_take_or_a_reason(
    shapes: list[Shape], row: dict[str, Any]
) -> None:
    for shape in shapes:
        try:
            example = shape(row)
        except (BadRowError, TemplateFailedError, MlxrError):
            continue
        assert checked(example) is example
        written = json.dumps(example.to_json(), ensure_ascii=False, allow_nan=False)
        assert json.loads(written.encode()) == example.to_json()
        if isinstance(example, Conversation):
            assert from_column("messages", json.loads(written)) == example
