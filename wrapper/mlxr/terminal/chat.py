"""A talk on the terminal: a line to type on, and answers as they are written."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table
from rich.text import Text

from mlxr.errors import MlxrError
from mlxr.events import Answered, Said
from mlxr.units import byte_size
from mlxr.visible import visible

if TYPE_CHECKING:
    from mlxr.chat.session import Reply, View
    from mlxr.terminal.console import Terminal

COLUMN = 48
"""Columns that an answer needs to be read beside another one."""
_GAP = 3


def cost(arm: str, answered: Answered) -> str:
    """Return what an answer took, and how it ended where not by itself."""
    speed = answered.tokens_per_second
    parts = [arm, f"{answered.tokens:,} tokens"]
    if speed is not None:
        parts.append(f"{speed:,.0f} tokens/s")
    parts.append(byte_size(answered.peak_memory * 1e9))
    if answered.finish == "interrupted":
        parts.append("stopped")
    if answered.finish == "length":
        parts.append("cut off: --max-tokens allows more")
    return " · ".join(parts)


class ChatScreen:
    """Where a talk takes place: typed on stdin, answered on stdout, the rest on stderr."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def ask(self, prompt: str) -> str | None:
        """Return a typed line, edited with readline; None on Ctrl-D, or Ctrl-C at an empty one."""
        import readline

        while True:
            try:
                return input(prompt)
            except EOFError:
                self._terminal.stream("\n")
                return None
            except KeyboardInterrupt:
                self._terminal.stream("\n")
                if not readline.get_line_buffer():
                    return None

    def say(self, text: str) -> None:
        """Say something beside the talk."""
        self._terminal.aside(text)

    def error(self, error: MlxrError) -> None:
        """Say what is wrong."""
        self._terminal.error(error)

    @contextmanager
    def view(self, arms: Sequence[str]) -> Iterator[View]:
        """Begin to show answers: side by side where there is room, else one after the other."""
        if len(arms) > 1 and self._terminal.room >= 2 * COLUMN + _GAP:
            with self._terminal.live() as live:
                yield _Columns(arms, live)
        else:
            yield _Stream(self._terminal, headed=len(arms) > 1)


class _Stream:
    """One answer after the other, as they come."""

    def __init__(self, terminal: Terminal, headed: bool) -> None:
        self._terminal, self._headed = terminal, headed
        self._arm, self._end = "", "\n"

    def show(self, arm: str, event: Said | Answered) -> None:
        """Write a piece, or what the answer took."""
        if self._headed and arm != self._arm:
            self._terminal.stream(f"{arm}:\n")
        self._arm = arm
        if isinstance(event, Answered):
            self._terminal.stream("" if self._end == "\n" else "\n")
            self._terminal.aside(f"{cost(arm, event)}\n")
            self._end = "\n"
        elif text := visible(event.text):
            self._terminal.stream(text)
            self._end = text[-1]


class _Columns:
    """Answers side by side."""

    def __init__(self, arms: Sequence[str], live: Live) -> None:
        self._texts = dict.fromkeys(arms, "")
        self._costs = dict.fromkeys(arms, "")
        self._live = live

    def show(self, arm: str, event: Said | Answered) -> None:
        """Draw a piece, or what the answer took."""
        if isinstance(event, Answered):
            self._costs[arm] = cost(arm, event)
        else:
            self._texts[arm] += visible(event.text)
        self._live.update(self._drawn())

    def _drawn(self) -> Table:
        table = Table.grid(padding=(0, _GAP, 0, 0), expand=True)
        for _ in self._texts:
            table.add_column(ratio=1, overflow="fold")
        table.add_row(*(Text(arm, style="bold") for arm in self._texts))
        table.add_row(*(Text(text) for text in self._texts.values()))
        table.add_row(*(Text(f"{cost}\n", style="dim") for cost in self._costs.values()))
        return table


def show_replies(terminal: Terminal, run: str, replies: Sequence[Reply]) -> None:
    """Write the document of one question."""
    terminal.document(
        {
            "run": run,
            "answers": [
                {
                    "arm": each.arm,
                    "text": each.text,
                    "finish": each.cost.finish,
                    "prompt_tokens": each.cost.prompt_tokens,
                    "tokens": each.cost.tokens,
                    "tokens_per_second": each.cost.tokens_per_second,
                    "peak_memory": each.cost.peak_memory,
                }
                for each in replies
            ],
        }
    )


def at_a_terminal() -> bool:
    """Tell whether somebody can type and read here."""
    return sys.stdin.isatty() and sys.stdout.isatty()
