"""How a talk looks: streamed, side by side, and without what a model could do to a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from mlxr.events import Answered, Said
from mlxr.terminal.chat import ChatScreen, cost
from mlxr.terminal.console import Terminal
from mlxr.visible import visible

DONE = Answered(11, 5, 0.5, 1.234, "stop")


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


Make = Callable[[int], tuple[ChatScreen, Tty, Tty]]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that makes a screen of a width, with its stdout and stderr."""

    def make(width: int) -> tuple[ChatScreen, Tty, Tty]:
        out, err = Tty(), Tty()
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        return ChatScreen(Terminal()), out, err

    return make


def test_nothing_that_a_model_writes_can_steer_the_terminal() -> None:
    evil = "a\x1b[31mb\x1b]0;title\x07c\x9b2Jd\re\x00f\u202eg\u2066h\n\tend é 日本 👩‍👩‍👧"
    assert visible(evil) == "a[31mb]0;titlec2Jdefgh\n\tend é 日本 👩‍👩‍👧"


def test_pieces_are_written_as_they_come(screen: Make) -> None:
    chat, out, err = screen(80)
    seen = []
    with chat.view(["tuned"]) as view:
        for piece in ("Hel", "lo\x1b[2J", "\n"):
            view.show("tuned", Said(piece))
            seen.append(out.getvalue())
        view.show("tuned", DONE)
    assert seen == ["Hel", "Hello[2J", "Hello[2J\n"]
    assert out.getvalue() == "Hello[2J\n"
    assert "tuned · 11 tokens · 20 tokens/s · 1.23 GB" in err.getvalue()


def both(chat: ChatScreen) -> None:
    with chat.view(["base", "tuned"]) as view:
        view.show("base", Said("one"))
        view.show("base", DONE)
        view.show("tuned", Said("two"))
        view.show("tuned", DONE)


def test_two_answers_stand_below_each_other_on_a_narrow_terminal(screen: Make) -> None:
    chat, out, _ = screen(80)
    both(chat)
    assert out.getvalue() == "base:\none\ntuned:\ntwo\n"


def test_two_answers_stand_side_by_side_on_a_wide_one(screen: Make) -> None:
    chat, out, _ = screen(120)
    both(chat)
    last = out.getvalue().split("\x1b[2K")[-1].splitlines()
    [row] = [line for line in last if "one" in line]
    assert row.index("two") - row.index("one") >= 48


def test_a_cost_says_how_the_answer_ended_and_nothing_unmeasured() -> None:
    assert cost("base", Answered(1, 5, 0.0, 0.0016, "stop")) == "base · 1 tokens · 1.60 MB"
    assert cost("base", Answered(2, 5, 1.0, 2, "interrupted")).endswith("2.00 GB · stopped")
    assert cost("base", Answered(2, 5, 1.0, 2, "length")).endswith("--max-tokens allows more")
