"""The pipe between a child and mlxr."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlxr.events import (
    Ended,
    Event,
    Generated,
    Note,
    Pipe,
    Progress,
    Saved,
    Started,
    Step,
    Trained,
    Validated,
    from_json,
    to_json,
)
from mlxr.workspace import Run

EVENTS: list[Event] = [
    Step("Reading"),
    Note("by the way"),
    Progress("rows", 1, 2),
    Started(0, 40, 20, 40, 1000, 50000, 10),
    Trained(1, 2.5, 1e-4, 100, 0.1, 0.5, 1.25),
    Validated(1, 2.25, 1.0, best=True),
    Saved(1, "somewhere"),
    Ended("nonfinite", 3, "the loss", (4, 9)),
    Generated(1, 2, 30),
]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_a_number_that_json_cannot_hold_becomes_null() -> None:
    read, write = os.pipe()
    Pipe(write).send(Trained(1, float("nan"), 1e-4, 100, 0.1, 0.5, 1.25))
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as stream:
        event = from_json(json.loads(stream.read()))
    assert isinstance(event, Trained)
    assert event.loss is None


def test_a_pipe_that_nobody_reads_is_broken() -> None:
    read, write = os.pipe()
    os.close(read)
    pipe = Pipe(write)
    pipe.send(Step("anyone?"))
    os.close(write)
    assert pipe.broken


def test_events_are_read_up_to_a_line_that_a_killed_child_left(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert list(run.read_events()) == []
    lines = [to_json(event) for event in EVENTS]
    run.events.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"event": "trai')
    assert list(run.read_events()) == json.loads(json.dumps(lines))
