"""What a check says, and what a topic is: a look at the world, and pure checks of what was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from mlxr.workspace import Workspace

Level = Literal["ok", "warning", "failed"]
Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Check:
    """One line of the checklist."""

    about: str
    level: Level
    found: str
    """What was found, a sentence."""
    fix: str = ""
    """The next thing to type or do; "" where nothing is wrong."""


@dataclass(frozen=True)
class Topic(Generic[Seen]):
    """Checks that follow from one look."""

    about: str
    look: Callable[[Workspace], Seen]
    """Returns what there is; the only part that touches the machine."""
    checks: tuple[Callable[[Seen], Check | None], ...]
    """Each returns its line, or None where it says nothing to this machine."""

    def examine(self, workspace: Workspace) -> list[Check]:
        """Return the lines of this topic; what cannot be looked at is a warning, never an end."""
        try:
            seen = self.look(workspace)
            found = [check(seen) for check in self.checks]
        except Exception as error:
            said = f"could not be looked at: {type(error).__name__}: {error}"
            return [Check(self.about, "warning", said, "Please report it, with `mlxr doctor`.")]
        return [check for check in found if check]
