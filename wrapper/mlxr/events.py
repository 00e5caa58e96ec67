"""What stages and children report while they work, and who shows it.

A child writes events as JSON lines on an inherited file descriptor; `to_json` and
`from_json` are the two ends of that pipe. A stage hands every event to a Display.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self


@dataclass(frozen=True)
class Step:
    """A stage turned to something new; `text` is a whole sentence for the user."""

    text: str


@dataclass(frozen=True)
class Note:
    """Something to know beside the work; `text` is a whole sentence for the user."""

    text: str


@dataclass(frozen=True)
class Progress:
    """`done` of `total` are through; what they are stands in `text`."""

    text: str
    done: int
    total: int


@dataclass(frozen=True)
class Started:
    """The model is in memory and training is about to begin."""

    start: int
    """Iterations done before: 0, or where a resumed training goes on."""
    iterations: int
    batches_per_epoch: int
    updates: int
    trainable: int
    """Parameters that training changes."""
    parameters: int
    report_every: int
    """Iterations to a plain line of progress."""
    memory: float | None = None
    """What training may use on this machine in GB (10^9 bytes), where known."""
    ranks: int = 1
    """Processes that train together."""


@dataclass(frozen=True)
class Trained:
    """One iteration: mean loss of its batch in nats per target token."""

    iteration: int
    loss: float | None
    learning_rate: float
    target_tokens: int
    padding: float
    """Share of the batch's positions that are padding."""
    seconds: float
    """Wall time since the last iteration, validation left out."""
    peak_memory: float
    """Highest memory of the process so far in GB (10^9 bytes)."""
    grad_norm: float | None = None
    """Global norm of the gradients of this iteration's update, before clipping; None without."""


@dataclass(frozen=True)
class Validated:
    """Mean loss over the validation rows in nats per target token, after `iteration` iterations."""

    iteration: int
    loss: float | None
    seconds: float
    best: bool
    """Lowest so far among trained weights; they were kept."""


@dataclass(frozen=True)
class Saved:
    """Weights were written to `path`."""

    iteration: int
    path: str


@dataclass(frozen=True)
class Ended:
    """The child came to its end by itself."""

    reason: Literal[
        "done",
        "patience",
        "paused",
        "interrupted",
        "nonfinite",
        "memory",
        "disk",
        "killed",
        "error",
    ]
    iteration: int
    message: str = ""
    rows: tuple[int, ...] = ()
    """Lines of train.jsonl (from 1) in the batch that failed."""


@dataclass(frozen=True)
class Generated:
    """An arm finished answering a prompt."""

    done: int
    total: int
    tokens: int
    """Answer tokens so far, over all prompts."""


@dataclass(frozen=True)
class Ready:
    """A child has its model in memory and waits to be asked."""


@dataclass(frozen=True)
class Said:
    """The next piece of an answer, as the model wrote it: not to be shown unread."""

    text: str


@dataclass(frozen=True)
class Answered:
    """An answer came to its end."""

    tokens: int
    """Tokens written, that which ended it included."""
    prompt_tokens: int
    seconds: float
    """Wall time from the first token to the last."""
    peak_memory: float
    """GB (10^9 bytes), of this answer."""
    finish: Literal["stop", "length", "interrupted"]
    """The model's own end, the limit, or the user's word."""

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens per second after the first one; None where there is nothing to measure."""
        return (self.tokens - 1) / self.seconds if self.tokens > 1 and self.seconds else None


Event = (
    Step
    | Note
    | Progress
    | Started
    | Trained
    | Validated
    | Saved
    | Ended
    | Generated
    | Ready
    | Said
    | Answered
)

KINDS: dict[str, type[Any]] = {
    "step": Step,
    "note": Note,
    "progress": Progress,
    "started": Started,
    "trained": Trained,
    "validated": Validated,
    "saved": Saved,
    "ended": Ended,
    "generated": Generated,
    "ready": Ready,
    "said": Said,
    "answered": Answered,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


def to_json(event: Event) -> dict[str, Any]:
    """Return `event` as a JSON object with its kind under "event"."""
    return {"event": _NAMES[type(event)], **asdict(event)}


def from_json(value: dict[str, Any]) -> Event:
    """Return the event that `to_json` made `value` from; raises KeyError on another kind."""
    fields = dict(value)
    kind = KINDS[fields.pop("event")]
    event: Event = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})
    return event


class Pipe:
    """The child's end: writes events to the descriptor that mlxr gave it.

    `broken` turns true when nobody reads any more, which means that mlxr is gone. Where there
    is a `record`, a file, each event is appended to it first, so that none is lost with mlxr.
    Without a descriptor there is the record alone, or nothing.
    """

    def __init__(self, descriptor: int | None, record: Path | None = None) -> None:
        self._descriptor = descriptor
        self._record = record
        self.broken = False

    def send(self, event: Event) -> None:
        """Write one event; a number that JSON has no word for becomes null."""
        line = json.dumps(_finite(to_json(event))) + "\n"
        if self._record:
            with self._record.open("a", encoding="utf-8") as stream:
                stream.write(line)
        if self._descriptor is None:
            return
        data = line.encode()
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except BrokenPipeError:
            self.broken = True


@contextmanager
def reporting(descriptor: int) -> Iterator[Pipe]:
    """Yield the pipe of a child's work; tell at its end whether that was done, or what failed."""
    pipe = Pipe(descriptor)
    try:
        yield pipe
    except Exception as error:
        pipe.send(Ended("error", 0, f"{type(error).__name__}: {error}"))
        raise
    pipe.send(Ended("done", 0))


def _finite(value: dict[str, Any]) -> dict[str, Any]:
    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in value.items()
    }


class Display(Protocol):
    """Shows events as they come: live on a terminal, in plain lines, or not at all."""

    def __enter__(self) -> Self:
        """Begin to show a stage."""
        ...

    def __exit__(self, *raised: object) -> None:
        """Leave the terminal as it was."""
        ...

    def show(self, event: Event) -> None:
        """Show one event."""
        ...


class Silent:
    """A Display that shows nothing."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def show(self, event: Event) -> None:
        """Show nothing of `event`."""
