"""What the model is asked: made of what a person types exactly as training made it of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlxr.chat.row import explained, missing, row_of
from mlxr.errors import MlxrError
from mlxr.files import read_json, read_jsonl, reading
from mlxr.prep.conversation import BadRowError, Conversation, Message, PlainText
from mlxr.prep.sandbox import TemplateFailedError
from mlxr.prep.shapes import question_from_template
from mlxr.prep.template import Template, template_files
from mlxr.prep.tokens import Tokenizer, load_tokenizer
from mlxr.trained import Trained
from mlxr.workspace import Workspace

Question = Conversation | PlainText
"""What is asked: messages up to the answer, or a text to go on with."""


@dataclass(frozen=True)
class Prompts:
    """The prompt builder of one run."""

    name: str
    """The run's."""
    tokenizer: Tokenizer
    template: Template | None
    plain: bool
    """Whether the run was trained on plain texts."""

    @property
    def columns(self) -> list[str]:
        """The columns that a template wants to be told."""
        return self.template.columns() if self.template else []

    @property
    def talks(self) -> bool:
        """Whether a question stands in the talk before it; else each stands alone."""
        return not self.template and not self.plain

    def explained(self) -> str:
        """Return what becomes of what is typed."""
        if self.template:
            alone = "Each question is a prompt of its own, as in training."
            return f"{explained(self.columns)} {alone}" if self.columns else alone
        if self.plain:
            return "It was trained on plain text: it goes on with what you type."
        return "It remembers what was said; /reset starts anew."

    def missing(self, text: str) -> list[str]:
        """Return the columns that have yet to be told; raises MlxrError on an unknown one."""
        return missing(text, self.columns) if len(self.columns) > 1 else []

    def question(self, text: str) -> Question:
        """Return what `text` asks; raises MlxrError where the template cannot be rendered."""
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if self.plain:
            return PlainText(text)
        if self.template is None:
            return Conversation(({"role": "user", "content": text},))
        return self._rendered(self.template, row_of(text, self.columns) if self.columns else {})

    def _rendered(self, template: Template, row: Mapping[str, Any]) -> Conversation:
        try:
            return question_from_template(template, row)
        except (TemplateFailedError, BadRowError) as error:
            raise MlxrError(f"{error}.", explained(self.columns)) from error

    def ids(self, question: Question, before: Sequence[Message] = ()) -> list[int]:
        """Return the tokens that ask for an answer; raises MlxrError when they are too many."""
        if isinstance(question, PlainText):
            ids = self.tokenizer.beginning(question.text)
        else:
            ids = self.tokenizer.opening([*before, *question.messages], question.tools)
        context = self.tokenizer.context_length
        if context and len(ids) >= context:
            raise MlxrError(
                f"The prompt has {len(ids):,} tokens, and the model reads {context:,}.",
                "Ask more briefly" + (", or /reset the talk." if before else "."),
            )
        return ids

    def room(self, ids: Sequence[int], wanted: int) -> int:
        """Return how many tokens an answer may have, at most `wanted`."""
        context = self.tokenizer.context_length
        return min(wanted, context - len(ids)) if context else wanted

    def stops(self) -> list[int]:
        """Return the tokens that end an answer."""
        end = None if self.plain else self.tokenizer.end_of_turn()
        return sorted(self.tokenizer.eos_ids | ({end} if end is not None else set()))

    def example(self) -> list[Message]:
        """Return messages as a client has to send them, columns by their names in ‹›."""
        marks = {name: f"‹{name}›" for name in self.columns}
        if self.template:
            try:
                return list(question_from_template(self.template, marks).messages)
            except (TemplateFailedError, BadRowError):  # it wants more than a text somewhere
                pass
        return [{"role": "user", "content": "…" if self.template else "Hello"}]


def prompts_of(trained: Trained, workspace: Workspace) -> Prompts:
    """Return the prompt builder of a run; raises MlxrError when it cannot be built any more."""
    recipe = trained.recipe
    template = Template(recipe.template) if recipe.template else None
    plain = template is None and _plain(trained, workspace)
    return Prompts(trained.name, load_tokenizer(recipe), template, plain)


def drifted(trained: Trained, workspace: Workspace) -> str:
    """Return what to say where the template is known to have changed since training; else ""."""
    manifest = workspace.prepared(trained.recipe.name).manifest
    if not trained.recipe.template or not manifest.is_file():
        return ""
    document = read_json(manifest)
    with reading(manifest):
        files = {name: split["sha256"] for name, split in document["splits"].items()}
        then = document["inputs"].get("template")
    known = files == trained.data and then is not None
    if not known or then == template_files(trained.recipe.template):
        return ""
    return f"{trained.recipe.data.template} is no longer as it was when this was trained."


def _plain(trained: Trained, workspace: Workspace) -> bool:
    """Tell whether the run's rows are plain texts, as far as they are still here."""
    rows = workspace.prepared(trained.recipe.name).split("train")
    if trained.recipe.data.messages or not rows.is_file():
        return False
    return "text" in next(read_jsonl(rows), {})
