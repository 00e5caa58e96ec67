"""A trial's events in short: a sweep has many trials, and a line says what each came to."""

from __future__ import annotations

from typing import Self

from mlxr.events import Display, Ended, Event, Generated, Note, Progress, Started, Step, Trained


class Short:
    """A Display that shows of a training its progress, and each note once."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._iterations: int | None = None
        self._noted: set[str] = set()

    def __enter__(self) -> Self:
        """Begin."""
        self._display.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        """End."""
        self._display.__exit__(*raised)

    def say(self, text: str) -> None:
        """Show a step of the sweep itself."""
        self._iterations = None
        self._display.show(Step(text))

    def show(self, event: Event) -> None:
        """Show what is worth it."""
        match event:
            case Started(iterations=iterations):
                self._iterations = iterations
            case Trained(iteration=done) if self._iterations:
                self._display.show(Progress("iterations", done, self._iterations))
            case Generated():
                self._display.show(event)
            case Note(text) if text not in self._noted:
                self._noted.add(text)
                self._display.show(event)
            case Step() if self._iterations:  # amid a training: that it is being saved
                self._display.show(event)
            case Ended():
                self._iterations = None
            case _:
                pass
