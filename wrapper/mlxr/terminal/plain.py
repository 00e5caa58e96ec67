"""Progress as plain lines, for logs, pipes and continuous integration."""

from __future__ import annotations

from collections.abc import Callable

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
    Silent,
    Started,
    Step,
    Trained,
    Validated,
)
from mlxr.terminal.progress import TrainingProgress, clock, figure
from mlxr.units import byte_size


class Plain(Silent):
    """A Display that writes one line at each report, through `write`."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._training: TrainingProgress | None = None
        self._passed = ("", -1)

    def show(self, event: Event) -> None:
        """Write the line of an event, if it has one."""
        line = self._line(event)
        if line:
            self._write(line)

    def _line(self, event: Event) -> str:
        match event:
            case Step(text) | Note(text):
                return text
            case Progress(text, done, total):
                return f"  {text} {done:,}/{total:,}" if self._moved(text, done, total) else ""
            case Generated(done, total, tokens):
                answers = f"  {done:,}/{total:,} answers, {tokens:,} tokens"
                return answers if self._moved("answers", done, total) else ""
            case Started():
                self._training = TrainingProgress(event)
                return started_line(event)
            case Trained() | Validated():
                return self._training_line(event)
            case Saved() | Ended() | Ready() | Said() | Answered():
                return ""

    def _moved(self, what: str, done: int, total: int) -> bool:
        """Tell whether another quarter is done since the last line about it."""
        passed = (what, 4 * done // max(1, total))
        if passed == self._passed or not passed[1]:
            return False
        self._passed = passed
        return True

    def _training_line(self, event: Trained | Validated) -> str:
        if self._training is None:
            return ""
        self._training.take(event)
        if isinstance(event, Validated):
            best = "  best so far" if event.best else ""
            base = "  (before training)" if event.iteration == 0 else ""
            return f"  {event.iteration:>6}  validation loss {figure(event.loss)}{best}{base}"
        now, every = self._training, self._training.started.report_every
        if event.iteration % every and event.iteration != now.started.iterations:
            return ""
        return (
            f"  {event.iteration:>6}  loss {figure(now.loss)}  epoch {now.epoch:.2f}"
            f"  {figure(now.tokens_per_second, 0)} tokens/s  {byte_size(event.peak_memory * 1e9)}"
            f"  {clock(now.remaining)} left"
        )


def started_line(event: Started) -> str:
    """Return what is about to be trained, in one line."""
    share = event.trainable / event.parameters
    return (
        f"  {event.iterations:,} iterations, {event.updates:,} updates,"
        f" {event.iterations / event.batches_per_epoch:.3g} epochs;"
        f" {event.trainable:,} of {event.parameters:,} parameters ({share:.2%})"
    )
