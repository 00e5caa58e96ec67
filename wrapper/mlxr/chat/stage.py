"""`mlxr chat`: a talk at a terminal, or one question and its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from mlxr.chat.partner import partner
from mlxr.chat.prompts import drifted, prompts_of
from mlxr.chat.session import Dialogue, Reply, Screen, Session
from mlxr.chat.talk import Talk
from mlxr.errors import MlxrError
from mlxr.events import Display, Note, Step
from mlxr.loaded import ARMS, ArmName
from mlxr.trained import read_trained
from mlxr.workspace import Adapter, Workspace


@dataclass(frozen=True)
class Options:
    """How the model is to answer."""

    both: bool = False
    """Base and tuned, instead of tuned alone."""
    max_tokens: int = 512
    temperature: float = 0.0
    seed: int | None = None
    """Default: the recipe's."""

    @property
    def arms(self) -> tuple[ArmName, ...]:
        """Who answers."""
        return ARMS if self.both else ("tuned",)


def chat(
    adapter: Adapter, workspace: Workspace, options: Options, screen: Screen, display: Display
) -> None:
    """Talk until the user leaves; raises MlxrError when the model cannot be had."""
    with _begun(adapter, workspace, options, display) as dialogue:
        Session(dialogue, screen, options.arms).run()


def ask(
    adapter: Adapter,
    workspace: Workspace,
    options: Options,
    text: str,
    screen: Screen,
    display: Display,
) -> list[Reply]:
    """Return the answers to one question, shown while they are written.

    Raises MlxrError when there is no question in `text`, or the model cannot be had.
    """
    text = text.strip()
    if not text:
        raise MlxrError("There is no question.", f'mlxr chat {adapter.name} "…"')
    with _begun(adapter, workspace, options, display, text) as dialogue:
        question = dialogue.prompts.question(text)
        with screen.view(options.arms) as view:
            return [dialogue.reply(question, arm, view) for arm in options.arms]


@contextmanager
def _begun(
    adapter: Adapter, workspace: Workspace, options: Options, display: Display, text: str = ""
) -> Iterator[Dialogue]:
    """Yield a dialogue with the loaded model; what is wrong with `text` is said before that."""
    with ExitStack() as stack:
        with display:
            display.show(Step(f"Loading {adapter.name}"))
            trained = read_trained(adapter)
            prompts = prompts_of(trained, workspace)
            if text:
                prompts.ids(prompts.question(text))
            if changed := drifted(trained, workspace):
                display.show(Note(changed))
            seed = trained.recipe.seed if options.seed is None else options.seed
            begun = partner(trained, prompts.stops(), options.temperature, seed)
            model = stack.enter_context(begun)
        yield Dialogue(model, prompts, Talk(prompts.talks), options.max_tokens)
