"""What compare reads of a record: the target, the tools, the text that a question is about."""

from __future__ import annotations

import json
from typing import Any

from mlxr.compare.calls import read_calls
from mlxr.compare.record import offered_tools, source_texts, target_text

TOOL = {"name": "area", "parameters": {"base": {"type": "int"}}}


def record(asked: str, answer: Any = "a", **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **more}


def test_calls_of_the_last_message_are_the_target() -> None:
    calls = [{"type": "function", "function": {"name": "area", "arguments": '{"base": 1}'}}]
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": calls}]
    [read] = read_calls(target_text({"messages": turns})).calls
    assert (read.name, read.arguments) == ("area", {"base": 1})
    assert target_text(record("?", "words")) == "words"


def test_tools_are_declared_beside_the_messages_or_in_them() -> None:
    assert offered_tools(record("?", tools=[TOOL])) == (TOOL,)
    assert offered_tools(record(f"Use one of\n{json.dumps([TOOL])}\nfor it")) == (TOOL,)
    assert offered_tools(record("?")) is None


def test_the_words_of_the_template_are_no_part_of_the_source() -> None:
    rows = [record(f"Summarise this article:\n{text}\n\nIn three lines.") for text in
            ("The cat sat.\nIt slept.", "The dog: ran.\nIt barked.")]  # fmt: skip
    assert source_texts(rows) == ["The cat sat.\nIt slept.", "The dog: ran.\nIt barked."]


def test_words_that_articles_share_by_chance_stay() -> None:
    rows = [record("The cat sat. The end."), record("The cat ran. The end.")]
    assert source_texts(rows) == ["The cat sat. The end.", "The cat ran. The end."]
    assert source_texts([record("Sum up:\nA cat.")]) == ["Sum up:\nA cat."]
    assert source_texts([record("same:\nx"), record("same:\nx")]) == ["same:\nx", "same:\nx"]
