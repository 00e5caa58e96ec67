"""The terminal as one object, its methods named by intent."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlxr.errors import MlxrError
from mlxr.events import Display, Silent
from mlxr.terminal.plain import Plain
from mlxr.visible import visible

if TYPE_CHECKING:
    from rich.live import Live

WIDE = 160


def _text(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style)


class Terminal:
    """Writes results to stdout and everything else to stderr.

    With `as_json` stdout gets one JSON document and nothing else; with `quiet` stderr gets
    errors only.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure:  # a terminal that knows no ⌈≥⌉ shows ? instead of failing
                reconfigure(errors="replace")
        # A pipe or a file has no width that a table would have to fit into.
        width = None if sys.stdout.isatty() else WIDE
        self._out = Console(highlight=False, markup=False, emoji=False, width=width)
        self._err = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._json = as_json
        self._quiet = quiet or as_json

    def display(self) -> Display:
        """Return how progress is shown: redrawn on a terminal, else line by line, or not."""
        if self._quiet:
            return Silent()
        if self._err.is_terminal and not self._err.is_dumb_terminal:
            from mlxr.terminal.live import LiveDisplay

            return LiveDisplay(self._err)
        return Plain(self.talk)

    def talk(self, text: str) -> None:
        """Say something about the work, on stderr."""
        if not self._quiet:
            self._err.print(_text(text), soft_wrap=True)

    def heading(self, text: str) -> None:
        """Begin a part of the work, on stderr."""
        if not self._quiet:
            self._err.print(_text(f"\n{text}", style="bold"), soft_wrap=True)

    def warn(self, text: str) -> None:
        """Say something that deserves attention, on stderr."""
        if not self._quiet:
            self._err.print(_text("! ", style="yellow") + _text(text), soft_wrap=True)

    def result(self, text: str = "", style: str = "") -> None:
        """Write a line of the result, on stdout."""
        if not self._json:
            self._out.print(_text(text, style=style), soft_wrap=not self._out.is_terminal)

    def styled(self, parts: Sequence[tuple[str, str]]) -> None:
        """Write a line of the result, parts of text each with its style, on stdout."""
        if not self._json:
            self._out.print(Text.assemble(*parts), soft_wrap=True)

    def stream(self, text: str) -> None:
        """Write a piece of the result as it is, on stdout, at once."""
        if not self._json:
            sys.stdout.write(text)
            sys.stdout.flush()

    def aside(self, text: str) -> None:
        """Say something that need not be read, on stderr."""
        if not self._quiet:
            self._err.print(_text(text, style="dim"), soft_wrap=True)

    @property
    def room(self) -> int:
        """Columns of the result; 0 where it is not redrawn, or not shown."""
        redrawn = self._out.is_terminal and not self._out.is_dumb_terminal and not self._json
        return self._out.width if redrawn else 0

    def live(self) -> Live:
        """Return a part of the result that is redrawn until its block ends, then left whole."""
        from mlxr.terminal.live import Whole

        return Whole(console=self._out, refresh_per_second=8)

    @property
    def colour(self) -> bool:
        """Whether the result is seen in colour."""
        return self._out.color_system is not None and not self._out.no_color

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], spare: Sequence[str] = ()
    ) -> None:
        """Write a table of the result; all columns but the first are right-aligned.

        Where the terminal is too narrow the columns in `spare` are left out, one after the other;
        then cells go on in the next line. The first column, a name, stays whole.
        """
        if self._json:
            return
        wide = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
        kept = list(range(len(columns)))
        for place in map(columns.index, spare):
            if sum(wide[i] + 1 for i in kept) - 1 > self._out.width:
                kept.remove(place)
        table = Table(box=None, pad_edge=False, header_style="dim")
        for i in kept:
            if i:
                table.add_column(visible(columns[i]), justify="right", overflow="fold")
            else:
                table.add_column(visible(columns[i]), no_wrap=True, min_width=wide[0])
        for row in rows:
            table.add_row(*(_text(row[i]) for i in kept))
        self._out.print(table)

    def next_steps(self, commands: Sequence[tuple[str, str]]) -> None:
        """Write what to type next: commands with what each does."""
        if self._quiet:
            return
        self._err.print(_text("\nNext:", style="bold"))
        for command, meaning in commands:
            said = _text(f"  {meaning}\n    ", style="dim") + _text(command, "not dim bold")
            self._err.print(said, soft_wrap=True)

    def document(self, value: object) -> None:
        """Write the one JSON document of --json."""
        if self._json:
            sys.stdout.write(json.dumps(value, ensure_ascii=True, indent=2, allow_nan=False) + "\n")

    def error(self, error: MlxrError) -> None:
        """Say what is wrong and what to do, on stderr."""
        self._err.print(_text("error: ", style="bold red") + _text(error.message), soft_wrap=True)
        if error.hint:
            self._err.print(_text("→ ", style="bold") + _text(error.hint), soft_wrap=True)
