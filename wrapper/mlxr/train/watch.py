"""The events of a run as they are written, for whoever looks on from elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mlxr.events import Display, Ended, Event, Step, from_json
from mlxr.files import reading
from mlxr.workspace import Run

PAUSE = 0.2
"""Seconds between two looks at the file."""


def watch(run: Run, display: Display) -> str:
    """Show the events of a run until it ends, or as they were, and return its status.

    Only reads: the run neither notices nor is changed.
    """
    display.show(Step(f"{'Watching' if run.alive else 'Replaying'} run {run.name}"))
    ended = "running"
    for event in follow(run.events, lambda: run.alive):
        display.show(event)
        ended = event.reason if isinstance(event, Ended) else ended
    status = str(run.read_record()["status"])
    return ended if status == "running" else status  # its mlxr writes that a moment later


def follow(file: Path, growing: Callable[[], bool], offset: int = 0) -> Iterator[Event]:
    """Yield the events of a file from byte `offset` on, and while it is `growing` those to come."""
    rest = b""
    while True:
        more = growing()  # asked first: what is written before the end is then seen
        if file.is_file():
            with file.open("rb") as stream:
                stream.seek(offset)
                *lines, rest = (rest + stream.read()).split(b"\n")
                offset = stream.tell()
            for line in lines:
                with reading(file):
                    event = from_json(json.loads(line))
                yield event
                more = more and not isinstance(event, Ended)
        if not more:
            return
        time.sleep(PAUSE)
