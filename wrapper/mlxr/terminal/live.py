"""Progress that redraws itself, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType, Segment
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mlxr.events import (
    Answered,
    Ended,
    Event,
    Generated,
    Note,
    Progress,
    Ready,
    Said,
    Saved,
    Started,
    Step,
    Trained,
    Validated,
)
from mlxr.terminal.chart import TRAIN, VALID, chart
from mlxr.terminal.plain import started_line
from mlxr.terminal.progress import TrainingProgress, clock, figure
from mlxr.units import byte_size

HEIGHT = 7
"""Rows of the chart, where there is room."""
AROUND = 4
"""Rows of the view besides the chart and the figures, and one below."""


class Whole(Live):
    """A live view whose redraws a terminal shows when they are complete, if it knows how.

    A redraw erases before it writes. Between the two marks nothing is shown; a terminal that
    does not know them takes no notice (DEC private mode 2026).
    """

    def refresh(self) -> None:
        """Redraw."""
        self.console.file.write("\x1b[?2026h")
        try:
            super().refresh()
        finally:
            self.console.file.write("\x1b[?2026l")
            self.console.file.flush()


class LiveDisplay:
    """A Display with a line for each step done and a moving part below."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step: str | None = None
        self._bar: tuple[str, int, int] | None = None
        self._training: TrainingProgress | None = None
        self._drawn: tuple[int, list[int]] = (console.width, [])
        self._live = Whole(
            get_renderable=self._draw, console=console, refresh_per_second=8, transient=True
        )

    def __enter__(self) -> Self:
        """Take over the bottom of the terminal."""
        self._live.start()
        return self

    def __exit__(self, *raised: object) -> None:
        """Give the terminal back, leaving what was done as plain lines."""
        failed = raised[0] is not None
        self._close_step("✗" if failed else "✓", "red" if failed else "green")
        self._live.stop()

    def show(self, event: Event) -> None:
        """Take an event; the next redraw shows it."""
        match event:
            case Step(text):
                self._close_step("✓", "green")
                self._step, self._bar = text, None
            case Note(text):
                self._live.console.print(Text(f"· {text}", style="dim"))
            case Progress(text, done, total):
                self._bar = (text, done, total)
            case Generated(done, total, tokens):
                self._bar = (f"answers, {tokens:,} tokens", done, total)
            case Started():
                self._training = TrainingProgress(event)
            case Trained() | Validated() if self._training:
                self._training.take(event)
            case Saved() | Ended() | Trained() | Validated() | Ready() | Said() | Answered():
                pass

    def _close_step(self, mark: str, colour: str) -> None:
        if self._step is None:
            return
        self._live.console.print(Text(f"{mark} ", style=colour) + Text(self._step))
        if self._training:
            self._live.console.print(self._training_view(self._training))
        self._step, self._training = None, None

    def _draw(self) -> RenderableType:
        parts: list[RenderableType] = []
        if self._step:
            parts.append(Spinner("dots", Text(self._step)))
        if self._bar:
            parts.append(self._progress_line(*self._bar))
        if self._training:
            parts.append(self._training_view(self._training))
        view = Group(*parts)
        self._take_back_wrapped(view)
        return view

    def _take_back_wrapped(self, view: RenderableType) -> None:
        """Erase what a terminal that became narrower has added in rows to the last view.

        It wraps the lines that were drawn; rich goes back by their number only.
        """
        width, lengths = self._console.width, self._drawn[1]
        if width < self._drawn[0]:
            extra = sum(max(0, (length - 1) // width) for length in lengths)
            erase = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
            self._console.control(Control(*erase * extra))
        lines = self._console.render_lines(view, pad=False)[: self._console.height]
        self._drawn = width, [Segment.get_line_length(line) for line in lines]

    def _progress_line(self, text: str, done: int, total: int) -> RenderableType:
        return self._bar_line(done, total, f"{done:,}/{total:,} {text}")

    def _bar_line(self, done: int, total: int, text: str) -> RenderableType:
        width = max(4, min(30, self._console.width - len(text) - 5))
        line = Table.grid(padding=(0, 1))
        label = Text(text, no_wrap=True, overflow="ellipsis")
        line.add_row(" ", ProgressBar(total=total, completed=done, width=width), label)
        return line

    def _training_view(self, now: TrainingProgress) -> RenderableType:
        width = min(self._console.width, WIDEST)
        valid = [(v.iteration, v.loss) for v in now.validations if v.loss is not None]
        below = [line for part in _figures(now) for line in _lines(part, self._console.width)]
        height = min(HEIGHT, self._console.height - len(below) - AROUND)
        lines = chart(now.losses, valid, now.started.iterations, width - 2, height)
        drawing = Text("\n".join(f"  {line}" for line in lines), no_wrap=True, overflow="crop")
        drawing.highlight_regex(TRAIN, "cyan")
        drawing.highlight_regex(VALID, "bold yellow")
        count = f"{now.iteration:,}/{now.started.iterations:,}"
        bar = self._bar_line(
            now.iteration,
            now.started.iterations,
            f"{count} · epoch {now.epoch:.2f} · {clock(now.remaining)} left",
        )
        lines_below = [Text(line, no_wrap=True, overflow="ellipsis") for line in below]
        head = Text(started_line(now.started), style="dim", no_wrap=True, overflow="ellipsis")
        return Group(head, drawing, bar, *lines_below)


def _figures(now: TrainingProgress) -> list[list[str]]:
    """Return the figures below the bar: of the loss, then of the work."""
    validated = now.validations[-1].loss if now.validations else None
    losses = [f"loss {figure(now.loss)} {TRAIN}", f"validation {figure(validated)} {VALID}"]
    if now.best:
        losses.append(f"best {figure(now.best.loss)} at {now.best.iteration:,}")
    if now.last is None:
        return [losses]
    peak, limit = now.last.peak_memory, now.started.memory
    work = [
        f"{figure(now.tokens_per_second, 0)} tokens/s",
        f"rate {now.last.learning_rate:.2e}",
        f"gradient {figure(now.grad_norm, 2)}",
        f"padding {now.last.padding:.0%}",
        f"memory {peak:.2f}/{limit:.0f} GB" if limit else f"memory {byte_size(peak * 1e9)}",
    ]
    return [losses, work]


def _lines(parts: Sequence[str], width: int) -> list[str]:
    """Return `parts` in lines of up to `width` characters; none is cut that fits into one."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 2 + len(part) <= min(width, WIDEST):
            lines[-1] += f"  {part}"
        else:
            lines.append(f"  {part}")
    return lines


WIDEST = 100
"""Columns of the view on a wide terminal."""
