"""A chat template as the pieces of text between messages, which is what Ollama's TEMPLATE can hold.

The pieces are cut out of what the chat template writes for messages of known content. That is
right for a template that only joins its messages, and checked on longer conversations; any other
template is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlxr.errors import MlxrError
from mlxr.prep.conversation import Message
from mlxr.prep.tokens import Tokenizer

_KNOWN = ("mlxr-first", "mlxr-answer", "mlxr-second")
"""Contents of a user's message, its answer, and the next message."""
_SYSTEM = "mlxr-system"
_CHECKED = ("One line.", "Two\nlines, {braces}.", "A third?", "<b>4</b>", "And a fifth")
"""Contents of the conversation on which the form is checked."""


@dataclass(frozen=True)
class ChatForm:
    """What a chat template writes before, between and after messages."""

    opening: str
    """Before the message of a user who begins."""
    answer: str
    """After a user's message: its end, and what asks for the answer."""
    between: str
    """After an answer: its end, and what comes before the next message."""
    system: str | None
    """Before a system message; None where the template writes none."""
    after_system: str
    """Between a system message and the user's first."""

    def render(self, messages: Sequence[Message]) -> str:
        """Return the prompt for a conversation that ends with a user's message."""
        return "".join(self._parts(messages))

    def _parts(self, messages: Sequence[Message]) -> Iterator[str]:
        before = self.opening
        for message in messages:
            content = str(message["content"])
            if message["role"] == "user":
                yield before + content + self.answer
                before = self.between
            elif message["role"] == "assistant":
                yield content
            elif self.system is not None:
                yield self.system + content
                before = self.after_system

    def go_template(self) -> str:
        """Return the form as Ollama's TEMPLATE, in Go's text/template.

        What it is given: https://github.com/ollama/ollama/blob/main/docs/template.md
        """
        after = self.opening if self.system is None else self.after_system
        system = "" if self.system is None else _literal(self.system) + "{{ .Content }}"
        return (
            '{{ range $i, $_ := .Messages }}{{ if eq .Role "system" }}' + system
            + '{{ else if eq .Role "user" }}{{ if eq $i 0 }}' + _literal(self.opening)
            + "{{ else if and (eq $i 1) $.System }}" + _literal(after)
            + "{{ else }}" + _literal(self.between) + "{{ end }}{{ .Content }}"
            + _literal(self.answer) + "{{ else }}{{ .Content }}{{ end }}{{ end }}"
        )  # fmt: skip


def _literal(text: str) -> str:
    """Return text as it stands in a Go template, in which only {{ means anything."""
    return text.replace("{{", '{{ "{{" }}')


def read_form(tokenizer: Tokenizer) -> ChatForm:
    """Return the form of a tokenizer's chat template; raises MlxrError where it has none."""
    form = _cut(tokenizer)
    if form is None or not _reproduces(form, tokenizer):
        raise MlxrError(
            "The chat template does more than join its messages: Ollama's TEMPLATE could not write"
            " the prompts that the model was trained on.",
            "Export the fused model, --as mlx, and write a Modelfile for it by hand.",
        )
    return form


def _cut(tokenizer: Tokenizer) -> ChatForm | None:
    """Return the pieces between known contents; None where these do not come back in order."""
    talk = _talk(_KNOWN)
    plain = _pieces(tokenizer, talk)
    if plain is None:
        return None
    opening, answer, between, _ = plain
    with_system = [{"role": "system", "content": _SYSTEM}, *talk]
    if _SYSTEM not in _text(tokenizer, with_system):
        return ChatForm(opening, answer, between, None, "")
    whole = _pieces(tokenizer, with_system)
    return ChatForm(opening, answer, between, whole[0], whole[1]) if whole else None


def _talk(contents: Sequence[str]) -> list[Message]:
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]


def _pieces(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[str] | None:
    """Return what the chat template writes before, between and after the messages' contents."""
    text = _text(tokenizer, messages)
    pieces = []
    for content in (str(message["content"]) for message in messages):
        piece, found, text = text.partition(content)
        if not found:
            return None
        pieces.append(piece)
    return [*pieces, text]


def _text(tokenizer: Tokenizer, messages: Sequence[Message]) -> str:
    """Return the text that asks for the answer to `messages`; "" where the template refuses."""
    try:
        return tokenizer.opening_text(messages)
    except MlxrError:
        return ""


def _reproduces(form: ChatForm, tokenizer: Tokenizer) -> bool:
    talks = [_talk(_CHECKED), _talk(_CHECKED[:1])]
    if form.system is not None:
        talks += [[{"role": "system", "content": "Be\nbrief."}, *talk] for talk in talks]
    return all(form.render(talk) == _text(tokenizer, talk) for talk in talks)
