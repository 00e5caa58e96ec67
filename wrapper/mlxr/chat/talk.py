"""The talk so far: what was asked, and what each arm answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlxr.chat.prompts import Question
from mlxr.errors import MlxrError
from mlxr.files import json_line
from mlxr.loaded import ARMS
from mlxr.prep.conversation import Conversation, Message, PlainText


@dataclass
class Turn:
    """A question, and the arms' answers to it."""

    question: Question
    answers: dict[str, str] = field(default_factory=dict)

    def answer(self, arm: str) -> str:
        """Return what the arm answered, or else the other one, which alone was asked."""
        return self.answers.get(arm) or next(iter(self.answers.values()))


@dataclass
class Talk:
    """All turns since the last reset."""

    remembers: bool
    """Whether a turn stands in those before it."""
    system: str = ""
    turns: list[Turn] = field(default_factory=list)

    def before(self, arm: str) -> list[Message]:
        """Return the messages that stand before the next question to an arm."""
        return self._messages(arm) if self.remembers else []

    def _messages(self, arm: str) -> list[Message]:
        system = [{"role": "system", "content": self.system}] if self.system else []
        said = (
            [*turn.question.messages, {"role": "assistant", "content": turn.answer(arm)}]
            for turn in self.turns
            if isinstance(turn.question, Conversation)
        )
        return [*system, *(message for messages in said for message in messages)]

    def save(self, path: Path) -> int:
        """Write the talk as rows that `mlxr prep` reads, and return how many.

        Raises MlxrError when the file is there already, or cannot be written.
        """
        rows = list(self._rows())
        if not rows:
            raise MlxrError("There is nothing to save yet.", "Ask something first.")
        try:
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                stream.writelines(json_line(row) + "\n" for row in rows)
        except FileExistsError:
            raise MlxrError(
                f"{path} is there already, and would be overwritten.", "Choose another name."
            ) from None
        except OSError as error:
            raise MlxrError(
                f"{path} cannot be written: {error.strerror}.", "Choose another place."
            ) from None
        return len(rows)

    def _rows(self) -> Iterator[dict[str, Any]]:
        for arm in ARMS:
            turns = [turn for turn in self.turns if arm in turn.answers]
            if turns and self.remembers:
                yield {"arm": arm, "messages": self._messages(arm)}
            elif turns:
                yield from (_row(arm, turn) for turn in turns)


def _row(arm: str, turn: Turn) -> dict[str, Any]:
    answer = turn.answers[arm]
    if isinstance(turn.question, PlainText):
        return {"arm": arm, "text": turn.question.text + answer}
    messages = [*turn.question.messages, {"role": "assistant", "content": answer}]
    return {"arm": arm, **Conversation(tuple(messages), turn.question.tools).to_json()}
