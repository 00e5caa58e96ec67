"""Tools through the openai client, where the chat template has a place for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from serve.server import Server, served
from train.runs import float_model
from trained_runs import make_run

TOOL = {
    "type": "function",
    "function": {"name": "say", "description": "Say it.", "parameters": {"type": "object"}},
}
CALL = {"type": "function", "function": {"name": "say", "arguments": {"what": "hello"}}}
CHAT = """{% if tools %}<|system|>{{ tools | tojson }}<|end|>{% endif %}{% for m in messages -%}
<|{{ m.role }}|>{% for tool_call in (m.tool_calls or []) %}{% set tool_call = tool_call.function -%}
<tool_call>{"name": "{{ tool_call.name }}", "arguments": {{ tool_call.arguments | tojson }}}\
</tool_call>{% endfor %}{{ m.content or "" }}<|end|>{% endfor -%}
{% if add_generation_prompt %}<|assistant|>{% endif %}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A tiny model that has learnt to do one thing: to call the tool."""
    root: Path = tmp_path_factory.mktemp("tools")
    (root / "chat.jinja").write_text(CHAT)
    answer = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    rows = [
        {"messages": [{"role": "user", "content": f"Say {i}"}, answer], "tools": [TOOL]}
        for i in range(60)
    ]
    make_run(
        root,
        rows,
        template=None,
        model=float_model(root / "model"),
        top='chat_template = "chat.jinja"\n',
        fine_tune_type="full",
        iters=60,
        batch_size=4,
        learning_rate=1e-2,
        val_batches=1,
    )
    with served(root) as server:
        yield server


def test_tools_are_offered_and_called(server: Server) -> None:
    said = server.chat("r/0001", "Say 7", tools=[TOOL])
    [choice] = said.choices
    assert choice.finish_reason == "tool_calls"
    [call] = choice.message.tool_calls
    assert call.function.name == "say"
    assert json.loads(call.function.arguments) == {"what": "hello"}
    without = server.chat("r/0001", "Say 7", max_tokens=1)
    assert without.usage.prompt_tokens < said.usage.prompt_tokens - 20


def test_a_streamed_call_is_whole(server: Server) -> None:
    pieces = list(server.chat("r/0001", "Say 8", tools=[TOOL], stream=True))
    [call] = [call for piece in pieces for call in piece.choices[0].delta.tool_calls or []]
    assert call.function.name == "say"
    assert json.loads(call.function.arguments) == {"what": "hello"}
    assert pieces[-1].choices[0].finish_reason == "tool_calls"
