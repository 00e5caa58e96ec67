"""A talk line by line: questions, commands, mistakes. The model is scripted here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from mlxr.chat.prompts import Prompts
from mlxr.chat.session import COMMANDS, Dialogue, Session
from mlxr.chat.talk import Talk
from mlxr.errors import MlxrError
from mlxr.events import Answered, Said
from mlxr.prep.template import Template


class Scripted:
    """A screen on which lines are typed, and a model that says what it was asked."""

    failed = False
    stopped = False

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        self.shown: list[str] = []
        self.prompts: list[str] = []

    def ask(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return self.lines.pop(0) if self.lines else None

    def say(self, text: str) -> None:
        self.shown.append(text)

    def error(self, error: MlxrError) -> None:
        self.shown.append(f"error: {error.message} → {error.hint}")

    @contextmanager
    def view(self, arms: Sequence[str]) -> Iterator[Any]:
        yield self

    def show(self, arm: str, event: Said | Answered) -> None:
        if isinstance(event, Said):
            self.shown.append(f"{arm}: {event.text}")

    def stoppable(self) -> Any:
        return nullcontext()

    def answer(self, arm: str, ids: Any, limit: int) -> Iterator[Said | Answered]:
        yield Said("".join(map(chr, ids)))
        yield Answered(1, len(ids), 0.0, 0.0, "stop")


class Letters:
    """A tokenizer whose tokens are letters, and whose chat template is a list."""

    context_length = 200
    eos_ids = frozenset({0})

    def opening(self, messages: Any, tools: Any) -> list[int]:
        text = " ".join(f"{m['role'][0]}={m['content']}" for m in messages)
        return [ord(letter) for letter in text]


def talk(*lines: str, template: Path | None = None) -> Scripted:
    """Talk in lines and return what was shown."""
    scripted: Any = Scripted(*lines)
    tokenizer: Any = Letters()
    prompts = Prompts("r/0001", tokenizer, Template(template) if template else None, plain=False)
    Session(Dialogue(scripted, prompts, Talk(prompts.talks), 50), scripted, ("tuned",)).run()
    done: Scripted = scripted
    return done


@pytest.fixture
def two(tmp_path: Path) -> Path:
    path = tmp_path / "t.jinja"
    path.write_text(
        "{% block prompt %}{{ tools }}|{{ query }}{% endblock %}"
        "{% block completion %}{{ answer }}{% endblock %}"
    )
    return path


def test_a_talk_remembers_until_it_is_reset() -> None:
    shown = talk("a", "b", "/reset", "c").shown
    assert shown[1:] == [
        "tuned: u=a", "tuned: u=a a=u=a u=b", "What was said is forgotten.", "tuned: u=c",
    ]  # fmt: skip


def test_a_system_message_begins_the_talk_anew_and_can_go_again() -> None:
    shown = talk("a", "/system Be brief.", "b", "/system", "c").shown
    assert shown[2:] == [
        "The talk begins anew with it.", "tuned: s=Be brief. u=b",
        "There is no system message now.", "tuned: u=c",
    ]  # fmt: skip


def test_arms_are_chosen() -> None:
    shown = talk("/both", "a", "/base", "b", "/tuned", "c").shown
    assert [line for line in shown if ": u" in line] == [
        "base: u=a", "tuned: u=a", "base: u=a a=u=a u=b",
        "tuned: u=a a=u=a u=b a=u=a a=u=a u=b u=c",
    ]  # fmt: skip


def test_a_backslash_goes_on_with_the_next_line() -> None:
    assert talk("a\\", "b\\", "c").shown[1:] == ["tuned: u=a\nb\nc"]


def test_columns_that_are_missing_are_asked_for(two: Path) -> None:
    done = talk("query=How?", "[1]", "query=Why?", "tools=[2]", template=two)
    assert done.prompts == ["> ", "tools=", "> ", "tools=", "> "]
    assert done.shown[1:] == ["tuned: u=[1]|How?", "tuned: u=[2]|Why?"]
    assert "tools=…, query=…" in done.shown[0]
    assert "Each question is a prompt of its own" in done.shown[0]


def test_a_mistake_is_said_and_the_talk_goes_on(two: Path) -> None:
    done = talk("How?", "/savee x", "/save", "/system x", "/save x", '{"tools": 1, "query": 2}',
                template=two)  # fmt: skip
    errors = [line for line in done.shown if line.startswith("error")]
    assert [error.split(" → ")[0] for error in errors] == [
        "error: The template has 2 columns, and this does not say which it is.",
        "error: There is no command /savee; did you mean /save?",
        "error: Save it where?",
        "error: Here the prompt is made as in training, and another system message has no place.",
        "error: There is nothing to save yet.",
    ]
    assert done.shown[-1] == "tuned: u=1|2"


def test_a_talk_that_fills_the_context_is_told_to_begin_anew() -> None:
    shown = talk("a" * 90, "b" * 90, "/reset", "b").shown
    assert "the model reads 200. → Ask more briefly, or /reset the talk." in shown[2]
    assert shown[-1] == "tuned: u=b"


def test_help_tells_every_command_and_quit_leaves() -> None:
    done = talk("/help", "/quit", "never asked")
    assert all(f"/{name}" in done.shown[1] for name in COMMANDS)
    assert done.lines == ["never asked"]


def test_a_model_that_is_gone_ends_the_talk(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(self: Scripted, *_: object) -> Iterator[Said]:
        self.failed = True
        yield Said("half an ans")
        raise MlxrError("The model has ended: SIGKILL.", "log")

    monkeypatch.setattr(Scripted, "answer", gone)
    with pytest.raises(MlxrError, match="has ended"):
        talk("a", "b")


def test_an_answer_that_was_stopped_at_once_leaves_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(self: Scripted, *_: object) -> Iterator[Answered]:
        self.stopped = True
        yield Answered(0, 1, 0.0, 0.0, "interrupted")

    monkeypatch.setattr(Scripted, "answer", stopped)
    assert "nothing to save" in talk("a", "/save x").shown[-1]
