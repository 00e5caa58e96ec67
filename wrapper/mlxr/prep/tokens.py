"""The one prompt builder: messages to token ids, exactly as mlx_lm 0.32.2 makes them.

mlx_lm reads a record in `tuner/datasets.py` (ChatDataset.process) through its TokenizerWrapper.
Three rules of that wrapper matter: no special tokens are added to what the chat template wrote;
`enable_thinking` is always passed, true where the vocabulary has thinking tokens; the mask
covers as many tokens as the template gives for all messages but the last. A plain text gets the
tokenizer's special tokens, and an end-of-sequence token if it has none (TextDataset.process).
Nothing here imports mlx_lm: that would lower this process's limit of open files.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from mlxr.errors import MlxrError
from mlxr.files import sha256
from mlxr.model import ModelConfig, fingerprint
from mlxr.prep.boundary import Boundary
from mlxr.prep.conversation import Conversation, Example, Message, PlainText
from mlxr.prep.loading import load, plain_renderer, thinking_option, thinks
from mlxr.prep.pieces import Pieces
from mlxr.recipe import Recipe

_ORDER = "Check the order and the roles of the messages."


class Rendered(NamedTuple):
    """A record as text, ready to be tokenised."""

    whole: Any
    """Text; ids where the tokenizer has a renderer of its own."""
    prompt: Any
    """None for a plain text, which has none."""


@dataclass(frozen=True)
class Tokens:
    """A record in tokens."""

    ids: list[int]
    """What mlx_lm trains on."""
    offset: int
    """Tokens that mask_prompt hides: the length of the prompt by itself."""
    prompt: list[int]
    """The prompt by itself, as the model gets it when it is to answer."""
    rendered: Rendered | None = field(default=None, repr=False, compare=False)
    """What was tokenised; None for a plain text."""

    @property
    def is_prefix(self) -> bool:
        """Whether training sees the prompt as inference does."""
        return self.ids[: self.offset] == self.prompt

    def targets(self, limit: int, masked: bool = True) -> int:
        """Return how many tokens mlx_lm's loss counts at max_seq_length `limit`."""
        return max(0, min(len(self.ids), limit) - max(self.offset if masked else 0, 1))


@dataclass(frozen=True)
class Refused:
    """The chat template raises on a conversation."""

    reason: str


class Tokenizer:
    """A model's tokenizer with its chat template."""

    def __init__(self, tokenizer: Any, config: ModelConfig, folder: Path) -> None:
        self._tokenizer = tokenizer
        self.folder = folder
        self.fingerprint = fingerprint(folder)
        self.template_sha256 = sha256(tokenizer.chat_template)
        self.context_length = config.context
        self.eos_ids = _eos_ids(config.values, tokenizer.eos_token_id)
        self.bos_id: int | None = tokenizer.bos_token_id
        self.bos: str | None = tokenizer.bos_token
        kind = type(tokenizer).apply_chat_template
        self._own_renderer = kind is not plain_renderer()
        self.pieces = Pieces(tokenizer)
        self._blank: dict[int, bool] = {}
        self._backend = getattr(tokenizer, "backend_tokenizer", None)
        self._eos_id: int | None = tokenizer.eos_token_id
        self._boundary = Boundary(self._backend, self._ids)
        self._options = {thinking_option(kind, self._own_renderer): thinks(tokenizer)}

    def encode(self, messages: Sequence[Message], tools: Sequence[Any] | None = None) -> Tokens:
        """Return the record's tokens; raises MlxrError where the chat template refuses it."""
        conversation = Conversation(tuple(messages), None if tools is None else tuple(tools))
        [tokens] = self.encode_all([conversation])
        if isinstance(tokens, Refused):
            raise MlxrError(f"{tokens.reason}.", _ORDER)
        return tokens

    def opening(self, messages: Sequence[Message], tools: Sequence[Any] | None = None) -> list[int]:
        """Return the ids that ask the model for its answer to `messages`."""
        return self._ids([self._opening(messages, tools)])[0]

    def opening_text(self, messages: Sequence[Message]) -> str:
        """Return the text that asks the model for its answer to `messages`."""
        opening = self._opening(messages, None)
        return self.decode(opening) if self._own_renderer else str(opening)

    def _opening(self, messages: Sequence[Message], tools: Sequence[Any] | None) -> Any:
        try:
            return self._render(messages, tools, opens=True)
        except Exception as error:
            raise MlxrError(f"{_refusal(error)}.", _ORDER) from error

    def beginning(self, text: str) -> list[int]:
        """Return the ids of a plain text that the model may go on with: it has no end token."""
        [ids] = self._ids([text], special=True)
        return ids[:-1] if ids[-1:] == [self._eos_id] else ids

    def end_of_turn(self) -> int | None:
        """Return the mark with which the chat template ends an answer, if it has one."""
        talk = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
        try:
            ids = [token for token in self.encode(talk).ids if not self.is_blank(token)]
        except MlxrError:  # a template that wants other talks; the tokenizer's own end remains
            return None
        return ids[-1] if ids and self.pieces.of(ids[-1:])[0].special else None

    def encode_all(self, examples: Sequence[Example]) -> list[Tokens | Refused]:
        """Return the tokens of each record, or why there are none; made in one batch."""
        return self.tokenise(self.render(examples))

    def render(self, examples: Sequence[Example]) -> list[Rendered | Refused]:
        """Return each record as text, or why there is none."""
        return [self._rendered(example) for example in examples]

    def tokenise(self, rendered: Sequence[Rendered | Refused]) -> list[Tokens | Refused]:
        """Return the tokens of what `render` gave; while it works, other threads can run."""
        try:
            return self._tokenised(rendered)
        except BaseException as error:
            if not _is_panic(error):
                raise
        return [self._tokenised_alone(each) for each in rendered]

    def _tokenised_alone(self, each: Rendered | Refused) -> Tokens | Refused:
        """Return a record's tokens; one on which the tokenizer itself breaks down is refused."""
        try:
            return self._tokenised([each])[0]
        except BaseException as error:
            if not _is_panic(error):
                raise
            return Refused(f"the model's tokenizer breaks down on it: {str(error)[:80]}")

    def _tokenised(self, rendered: Sequence[Rendered | Refused]) -> list[Tokens | Refused]:
        pairs = [each for each in rendered if isinstance(each, Rendered)]
        tokens = iter(self._tokens(pairs))
        return [next(tokens) if isinstance(each, Rendered) else each for each in rendered]

    def _tokens(self, pairs: Sequence[Rendered]) -> list[Tokens]:
        if self._own_renderer:
            return [_tokens(list(pair.whole), list(pair.prompt), pair) for pair in pairs]
        asked = [pair for pair in pairs if pair.prompt is not None]
        chats = iter(self._boundary.split([(pair.whole, pair.prompt) for pair in asked]))
        texts = iter(self._ids([p.whole for p in pairs if p.prompt is None], special=True))
        return [
            self._ended(next(texts)) if pair.prompt is None else _tokens(*next(chats), pair)
            for pair in pairs
        ]

    def _ended(self, ids: list[int]) -> Tokens:
        end = [] if self._eos_id is None or ids[-1:] == [self._eos_id] else [self._eos_id]
        return Tokens(ids + end, 0, [])

    def starts(self, text: str) -> list[int]:
        """Return where the tokens of `text` start: places at which it can be cut."""
        if self._backend is None:
            return list(range(len(text)))
        offsets = self._backend.encode(text, add_special_tokens=False).offsets
        return sorted({start for start, _ in offsets})

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`, special tokens included."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def is_blank(self, token: int) -> bool:
        """Tell whether a token is nothing but white space."""
        if token not in self._blank:
            self._blank[token] = not self.decode([token]).strip()
        return self._blank[token]

    def _rendered(self, example: Example) -> Rendered | Refused:
        if isinstance(example, PlainText):
            return Rendered(example.text, None)
        messages, tools = example.messages, example.tools
        opens = messages[-1].get("role") == "assistant"
        try:
            whole = self._render(messages, tools)
            return Rendered(whole, self._render(messages[:-1], tools, opens=opens))
        except Exception as error:  # a chat template is the model's own program
            return Refused(_refusal(error))

    def _render(
        self, messages: Sequence[Message], tools: Sequence[Any] | None, opens: bool = False
    ) -> Any:
        """Return the text that the chat template writes, or ids from a renderer of its own."""
        return self._tokenizer.apply_chat_template(
            list(messages),
            tools=None if tools is None else list(tools),
            add_generation_prompt=opens,
            tokenize=self._own_renderer,
            return_dict=False,
            **self._options,
        )

    def _ids(self, texts: Sequence[Any], *, special: bool = False) -> list[list[int]]:
        if self._own_renderer and not special:
            return [list(ids) for ids in texts]
        if not texts:
            return []
        if self._backend is not None:  # the same ids as below, in half the time
            self._backend.no_truncation()
            self._backend.no_padding()
            encodings = self._backend.encode_batch_fast(list(texts), add_special_tokens=special)
            return [encoding.ids for encoding in encodings]
        options = {"add_special_tokens": special, "return_attention_mask": False}
        ids: list[list[int]] = self._tokenizer(list(texts), **options)["input_ids"]
        return ids


def _refusal(error: Exception) -> str:
    return f"the model's chat template refuses it: {str(error).rstrip('.')}"


def _is_panic(error: BaseException) -> bool:
    """Tell whether Rust code gave up, as on megabytes of letters without a space."""
    return type(error).__name__ == "PanicException"


def _tokens(ids: list[int], prompt: list[int], rendered: Rendered) -> Tokens:
    return Tokens(ids, len(prompt), prompt, rendered)


def prompt_sha256(prompt: Sequence[int]) -> str:
    """Return the hash that a record keeps of its prompt: of its ids as 32-bit little endian."""
    ids = array("I", prompt)
    if sys.byteorder == "big":
        ids.byteswap()
    return hashlib.sha256(ids).hexdigest()


def load_tokenizer(recipe: Recipe) -> Tokenizer:
    """Return the tokenizer of the recipe's model; raises MlxrError where it cannot be had."""
    return Tokenizer(*load(recipe))


def _eos_ids(config: dict[str, Any], own: int | None) -> frozenset[int]:
    """Return the ids at which mlx_lm stops to generate."""
    listed = config.get("eos_token_id")
    ids = listed if isinstance(listed, list) else [listed]
    return frozenset(token for token in [*ids, own] if token is not None)
