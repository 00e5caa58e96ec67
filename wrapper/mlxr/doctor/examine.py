"""The whole checklist. To add a check: a function beside the others, and a word in its TOPIC."""

from __future__ import annotations

from typing import Any

from mlxr.doctor import hub, libraries, machine, places, toy, work
from mlxr.doctor.check import Check, Topic
from mlxr.events import Display, Step
from mlxr.workspace import Workspace

TOPICS: tuple[Topic[Any], ...] = (
    machine.TOPIC,
    libraries.TOPIC,
    places.TOPIC,
    hub.TOPIC,
    work.TOPIC,
    toy.TOPIC,
)


def examine(workspace: Workspace, display: Display) -> list[Check]:
    """Return every line of the checklist, in its order; the last trains a toy for three steps."""
    found: list[Check] = []
    for topic in TOPICS:
        display.show(Step(f"Looking at: {topic.about}"))
        found += topic.examine(workspace)
    return found
