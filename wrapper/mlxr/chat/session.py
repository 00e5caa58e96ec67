"""A talk with a model: questions and commands, until the user leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from mlxr.chat.partner import Partner
from mlxr.chat.prompts import Prompts, Question
from mlxr.chat.talk import Talk, Turn
from mlxr.errors import MlxrError
from mlxr.events import Answered, Said
from mlxr.loaded import ARMS, ArmName


class View(Protocol):
    """Shows the answers to one question while they are written."""

    def show(self, arm: ArmName, event: Said | Answered) -> None:
        """Show the next piece of an arm's answer, or how it ended."""
        ...


class Screen(Protocol):
    """Where the talk takes place."""

    def ask(self, prompt: str) -> str | None:
        """Return a line that the user typed; None when they leave."""
        ...

    def say(self, text: str) -> None:
        """Say something beside the talk."""
        ...

    def error(self, error: MlxrError) -> None:
        """Say what is wrong; the talk goes on."""
        ...

    def view(self, arms: Sequence[ArmName]) -> AbstractContextManager[View]:
        """Begin to show answers of these arms."""
        ...


@dataclass(frozen=True)
class Reply:
    """One arm's answer."""

    arm: ArmName
    text: str
    cost: Answered


@dataclass(frozen=True)
class Dialogue:
    """A model, how it is asked, and what was said so far."""

    partner: Partner
    prompts: Prompts
    talk: Talk
    limit: int
    """Longest answer, in tokens."""

    def reply(self, question: Question, arm: ArmName, view: View) -> Reply:
        """Return an arm's answer, shown in `view` while it is written."""
        ids = self.prompts.ids(question, self.talk.before(arm))
        text = ""
        for event in self.partner.answer(arm, ids, self.prompts.room(ids, self.limit)):
            view.show(arm, event)
            if isinstance(event, Answered):
                return Reply(arm, text, event)
            text += event.text
        raise AssertionError("an answer ends with how it ended")


class Session:
    """A talk at a terminal."""

    def __init__(self, dialogue: Dialogue, screen: Screen, arms: tuple[ArmName, ...]) -> None:
        self._dialogue, self._screen, self._arms = dialogue, screen, arms
        self._partner, self._prompts, self._talk = (
            dialogue.partner, dialogue.prompts, dialogue.talk,
        )  # fmt: skip

    def run(self) -> None:
        """Talk until the user leaves; raises MlxrError when the model is gone."""
        self._screen.say(f"{self._prompts.name}. {self._prompts.explained()} /help says the rest.")
        while (line := self._line()) is not None:
            try:
                if line.startswith("/"):
                    if self._command(line):
                        return
                elif line.strip():
                    self._answer(line.strip())
            except MlxrError as error:
                if self._partner.failed:
                    raise
                self._screen.error(error)

    def _line(self) -> str | None:
        """Return what the user typed: a line, or several where one ends with a backslash."""
        line = self._screen.ask("> ")
        while line is not None and line.endswith("\\"):
            more = self._screen.ask("… ")
            line = None if more is None else f"{line[:-1]}\n{more}"
        return line

    def _command(self, line: str) -> bool:
        """Do what a command says; return whether it was the last."""
        name, _, rest = line[1:].partition(" ")
        if name in ("quit", "exit", "q"):
            return True
        if name not in COMMANDS:
            close = get_close_matches(name, COMMANDS, n=1)
            guess = f"; did you mean /{close[0]}?" if close else "."
            raise MlxrError(f"There is no command /{name}{guess}", "/help lists them.")
        COMMANDS[name].act(self, rest.strip())
        return False

    def _answer(self, text: str) -> None:
        while missing := self._prompts.missing(text):
            more = self._screen.ask(f"{missing[0]}=")
            if more is None:  # thought better of it
                return
            text += f"\n{missing[0]}={more.removeprefix(f'{missing[0]}=')}"
        turn = Turn(self._prompts.question(text))
        with self._partner.stoppable(), self._screen.view(self._arms) as view:
            for arm in self._arms:
                made = self._dialogue.reply(turn.question, arm, view)
                if made.text or made.cost.finish != "interrupted":
                    turn.answers[arm] = made.text
                if self._partner.stopped:
                    break
        if turn.answers:
            self._talk.turns.append(turn)

    def reset(self, _: str) -> None:
        """Forget what was said."""
        self._talk.turns.clear()
        self._screen.say("What was said is forgotten.")

    def system(self, text: str) -> None:
        """Set the system message; the talk begins anew with it."""
        if not self._prompts.talks:
            raise MlxrError(
                "Here the prompt is made as in training, and another system message has no place.",
                "Write it into the template's block `system`, and train with it.",
            )
        self._talk.turns.clear()
        self._talk.system = text
        said = "The talk begins anew with it." if text else "There is no system message now."
        self._screen.say(said)

    def save(self, text: str) -> None:
        """Write the talk to a file."""
        if not text:
            raise MlxrError("Save it where?", "/save talk.jsonl")
        path = Path(text).expanduser()
        rows = self._talk.save(path)
        self._screen.say(f"{rows} {'row' if rows == 1 else 'rows'} in {path}")

    def choose(self, arms: tuple[ArmName, ...]) -> None:
        """Let these arms answer from now on."""
        self._arms = arms
        words = "Both answer" if len(arms) > 1 else f"The {arms[0]} model answers"
        self._screen.say(f"{words} from now on.")

    def help(self, _: str) -> None:
        """List the commands."""
        names = [f"/{name} {command.takes}".strip() for name, command in COMMANDS.items()]
        width = max(map(len, names))
        lines = [
            f"{name:{width}}  {command.does}"
            for name, command in zip(names, COMMANDS.values(), strict=True)
        ]
        ends = "A \\ at the end of a line goes on with the next. Ctrl-C stops an answer."
        self._screen.say("\n".join([*lines, ends]))


@dataclass(frozen=True)
class Command:
    """What can be typed after a slash."""

    does: str
    act: Callable[[Session, str], None]
    takes: str = ""


COMMANDS: dict[str, Command] = {
    "both": Command("base and tuned answer", lambda s, _: s.choose(ARMS)),
    "base": Command("the base model answers", lambda s, _: s.choose(("base",))),
    "tuned": Command("the tuned model answers", lambda s, _: s.choose(("tuned",))),
    "system": Command("set the system message, or take it away", Session.system, "TEXT"),
    "reset": Command("forget what was said", Session.reset),
    "save": Command("write the talk as rows that mlxr prep reads", Session.save, "FILE"),
    "help": Command("this list", Session.help),
    "quit": Command("leave; so does Ctrl-D", lambda _s, _: None),
}
