"""The same events, in plain lines and redrawn."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from mlxr.errors import MlxrError
from mlxr.events import (
    Ended,
    Event,
    Generated,
    Note,
    Progress,
    Saved,
    Started,
    Step,
    Trained,
    Validated,
)
from mlxr.terminal.chart import chart
from mlxr.terminal.console import Terminal
from mlxr.terminal.live import LiveDisplay
from mlxr.terminal.plain import Plain
from mlxr.terminal.progress import TrainingProgress, clock, figure

STARTED = Started(
    start=0,
    iterations=40,
    batches_per_epoch=20,
    updates=40,
    trainable=1_000,
    parameters=50_000,
    report_every=10,
    memory=16.0,
)


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a terminal that can redraw; rich takes a dumb one to be 80 columns wide."""
    monkeypatch.setenv("TERM", "xterm")


def trained(iteration: int, loss: float | None) -> Trained:
    norm = 1.5 if iteration % 2 == 0 else None  # two batches to an update
    return Trained(iteration, loss, 1e-4, 100, 0.1, 0.5, 1.25, norm)


def training() -> list[Event]:
    events: list[Event] = [Step("Training r as run r/0001"), STARTED]
    events.append(Validated(0, 3.0, 1.0, best=False))
    for iteration in range(1, 41):
        events.append(trained(iteration, 3.0 - iteration / 20))
        if iteration % 20 == 0:
            events.append(Validated(iteration, 3.0 - iteration / 25, 1.0, best=True))
            events.append(Saved(iteration, "somewhere"))
    return [*events, Ended("done", 40)]


def test_plain_lines_of_a_training() -> None:
    lines: list[str] = []
    with Plain(lines.append) as display:
        for event in training():
            display.show(event)
    assert lines == [
        "Training r as run r/0001",
        "  40 iterations, 40 updates, 2 epochs; 1,000 of 50,000 parameters (2.00%)",
        "       0  validation loss 3.000  (before training)",
        "      10  loss 2.682  epoch 0.50  200 tokens/s  1.25 GB  0:18 left",
        "      20  loss 2.312  epoch 1.00  200 tokens/s  1.25 GB  0:11 left",
        "      20  validation loss 2.200  best so far",
        "      30  loss 1.884  epoch 1.50  200 tokens/s  1.25 GB  0:06 left",
        "      40  loss 1.420  epoch 2.00  200 tokens/s  1.25 GB  0:00 left",
        "      40  validation loss 1.400  best so far",
    ]


def test_plain_progress_is_said_at_each_quarter() -> None:
    lines: list[str] = []
    with Plain(lines.append) as display:
        display.show(Step("Reading"))
        for done in range(0, 1001, 10):
            display.show(Progress("rows", done, 1000))
        display.show(Generated(8, 8, 640))
    assert lines[0] == "Reading"
    assert lines[-1] == "  8/8 answers, 640 tokens"
    assert lines[1:-1] == [f"  rows {done}/1,000" for done in ("250", "500", "750", "1,000")]


def drawn(width: int, events: list[Event]) -> str:
    """Return what a terminal of a width was sent, without control sequences."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, no_color=True)
    with LiveDisplay(console) as display:
        for event in events:
            display.show(event)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


def test_live_leaves_the_finished_training_on_the_screen() -> None:
    text = drawn(80, training())
    assert "✓ Training r as run r/0001" in text
    assert "40/40 · epoch 2.00 · 0:00 left" in text
    assert "loss 1.420 ·  validation 1.400 ●  best 1.400 at 40" in text
    assert "200 tokens/s  rate 1.00e-04  gradient 1.50  padding 10%  memory 1.25/16 GB" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_control_characters_reach_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.table(["\x1b[31mname"], [["\x1b]0;title\x07cell"]])
    terminal.error(MlxrError("There is no run '\x1b[31mevil'.", "\x9b31m"))
    said = "".join(capsys.readouterr())
    assert "cell" in said
    assert "evil" in said
    assert not {"\x1b", "\x07", "\x9b"} & set(said)


def test_a_note_is_shown_beside_the_work() -> None:
    lines: list[str] = []
    Plain(lines.append).show(Note("Take care"))
    assert lines == ["Take care"]
    assert "· Take care" in drawn(80, [Step("Training"), Note("Take care")])


def test_live_marks_a_failed_step() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=60, no_color=True)
    try:
        with LiveDisplay(console) as display:
            display.show(Step("Reading rows.jsonl"))
            raise ValueError
    except ValueError:
        pass
    assert "✗ Reading rows.jsonl" in stream.getvalue()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_no_row_is_wider_than_the_terminal_and_no_figure_is_lost(width: int) -> None:
    text = drawn(width, training())
    assert all(len(line) <= width for line in text.splitlines())
    for part in (
        "validation 1.400 ●",
        "best 1.400 at 40",
        "padding 10%",
        "memory 1.25/16 GB",
    ):
        assert part in text


class Screen(io.StringIO):
    """A terminal as far as rich's live views go, which wraps what is too wide when it shrinks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width, self.rows, self.row = width, [""], 0

    def write(self, text: str) -> int:
        for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            if token == "\n":
                self.row += 1
                self.rows += [""] * (self.row + 1 - len(self.rows))
            elif token == "\x1b[1A":
                self.row -= 1
            elif token == "\x1b[2K":
                self.rows[self.row] = ""
            elif token[0] not in "\r\x1b":
                self.rows[self.row] += token
                assert len(self.rows[self.row]) <= self.width
        return len(text)

    def shrink(self, width: int) -> None:
        wrapped = [
            row[i : i + width] for row in self.rows for i in range(0, max(1, len(row)), width)
        ]
        self.width, self.rows, self.row = width, wrapped, len(wrapped) - 1


def test_a_terminal_that_becomes_narrower_keeps_nothing_of_the_old_view() -> None:
    screen = Screen(100)
    console = Console(file=screen, force_terminal=True, width=100, height=40, no_color=True)
    with LiveDisplay(console) as display:
        for event in training()[:30]:
            display.show(event)
        display._live.refresh()
        screen.shrink(40)
        console.width = 40
        display._live.refresh()
        shown = "\n".join(screen.rows)
    assert shown.count("Training r as run") == 1
    assert shown.count("40 iterations, 40 updates") == 1
    assert shown.count("validation") == 1


def test_a_low_terminal_shows_the_figures_rather_than_the_chart() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, height=7, no_color=True)
    with LiveDisplay(console) as display:
        for event in training()[:-1]:
            display.show(event)
        display._live.refresh()
    assert "memory 1.25/16 GB" in stream.getvalue()
    assert "    3.000 " not in stream.getvalue()


def test_the_chart_holds_every_point_between_its_labels() -> None:
    lines = chart([(0, 4.0), (5, 2.0), (10, 1.0)], [(0, 3.0), (10, 1.0)], 10, 30, 5)
    assert [len(line) for line in lines] == [9, 9, 0, 19, 30]  # nothing ends in spaces
    assert lines[0].startswith("  4.000 ·")
    assert lines[-1].startswith("  1.000 ")
    assert lines[-1].endswith("●")
    assert chart([], [], 10, 30, 5) == []
    assert chart([], [(0, 3.0)], 10, 30, 2) == ["  3.000 ●", ""]


def test_a_loss_that_is_no_number_is_shown_as_unknown() -> None:
    progress = TrainingProgress(STARTED)
    progress.take(trained(1, None))
    assert progress.loss is None
    assert figure(progress.loss) == "–"


def test_clock() -> None:
    assert [clock(s) for s in (None, 7, 750, 11100)] == ["–", "0:07", "12:30", "3:05:00"]
