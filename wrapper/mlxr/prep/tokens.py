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
import inspect
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import sha256
from mlxr.model import ModelConfig, fingerprint, locate, read_config
from mlxr.prep.boundary import Boundary
from mlxr.prep.conversation import Conversation, Example, Message, PlainText
from mlxr.prep.pieces import Pieces
from mlxr.quiet import quiet
from mlxr.recipe import Recipe

_THINKING = (
    ("<think>", "</think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<|think:start|>", "<|think:end|>"),
    ("<|channel>", "<channel|>"),
    ("<|open|>", "<|close|>", "<|sep|>", "<|end_of_msg|>"),
)
"""Tokens by which mlx_lm knows a thinking model: all of a group are in the vocabulary."""

_ORDER = "Check the order and the roles of the messages."


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


@dataclass(frozen=True)
class Rendered:
    """A record as text, ready to be tokenised."""

    whole: Any
    """Text; ids where the tokenizer has a renderer of its own."""
    prompt: Any
    """None for a plain text, which has none."""


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
        self._own_renderer = kind is not _plain_renderer()
        self.pieces = Pieces(tokenizer)
        self._blank: dict[int, bool] = {}
        self._backend = getattr(tokenizer, "backend_tokenizer", None)
        self._eos_id: int | None = tokenizer.eos_token_id
        self._boundary = Boundary(self._backend, self._ids)
        self._options = {_thinking_option(kind, self._own_renderer): _thinks(tokenizer)}

    def encode(self, messages: Sequence[Message], tools: Sequence[Any] | None = None) -> Tokens:
        """Return the record's tokens; raises MlxrError where the chat template refuses it."""
        conversation = Conversation(tuple(messages), None if tools is None else tuple(tools))
        [tokens] = self.encode_all([conversation])
        if isinstance(tokens, Refused):
            raise MlxrError(f"{tokens.reason}.", _ORDER)
        return tokens

    def prompt(self, messages: Sequence[Message], tools: Sequence[Any] | None = None) -> list[int]:
        """Return the prompt's ids for a record's messages, of which the last is the answer."""
        return self.opening(messages[:-1], tools)

    def opening(self, messages: Sequence[Message], tools: Sequence[Any] | None = None) -> list[int]:
        """Return the ids that ask the model for its answer to `messages`."""
        try:
            text = self._render(messages, tools, opens=True)
        except Exception as error:
            raise MlxrError(f"{_refusal(error)}.", _ORDER) from error
        return self._ids([text])[0]

    def encode_all(self, examples: Sequence[Example]) -> list[Tokens | Refused]:
        """Return the tokens of each record, or why there are none; made in one batch."""
        return self.tokenise(self.render(examples))

    def render(self, examples: Sequence[Example]) -> list[Rendered | Refused]:
        """Return each record as text, or why there is none."""
        return [self._rendered(example) for example in examples]

    def tokenise(self, rendered: Sequence[Rendered | Refused]) -> list[Tokens | Refused]:
        """Return the tokens of what `render` gave; while it works, other threads can run."""
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


def _tokens(ids: list[int], prompt: list[int], rendered: Rendered) -> Tokens:
    return Tokens(ids, len(prompt), prompt, rendered)


def prompt_sha256(prompt: Sequence[int]) -> str:
    """Return the hash that a record keeps of its prompt: of its ids as 32-bit little endian."""
    return hashlib.sha256(struct.pack(f"<{len(prompt)}I", *prompt)).hexdigest()


def load_tokenizer(recipe: Recipe) -> Tokenizer:
    """Return the tokenizer of the recipe's model; raises MlxrError where it cannot be had."""
    folder = locate(recipe.model)
    config = read_config(folder)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")  # or it warns when a child starts
    with quiet():
        import transformers

        transformers.logging.set_verbosity_error()
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                str(folder), trust_remote_code=recipe.trust_remote_code
            )
        except Exception as error:
            raise _unloadable(recipe, error) from error
    if recipe.chat_template:
        tokenizer.chat_template = _read(Path(recipe.chat_template))
    _check_template(tokenizer, recipe.model)
    return Tokenizer(tokenizer, config, folder)


def _read(path: Path) -> str:
    """Return a chat template as mlx_lm reads it from a model's folder."""
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise MlxrError(f"{path} cannot be read: {error}.", "Save it as UTF-8.") from None


def _unloadable(recipe: Recipe, error: Exception) -> MlxrError:
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    hint = "Check that tokenizer.json and tokenizer_config.json are there and whole."
    if "trust_remote_code" in str(error):
        hint = "It needs Python code of its own: if you trust it, trust_remote_code = true."
    return MlxrError(f"The tokenizer of {recipe.model} cannot be loaded: {said}", hint)


def _check_template(tokenizer: Any, model: str) -> None:
    """Raise MlxrError where mlx_lm would have no chat template, or one that is its own code."""
    if tokenizer.init_kwargs.get("chat_template_type"):
        raise MlxrError(
            f"The chat template of {model} is a program inside mlx_lm, which mlxr cannot run yet.",
            "Choose a model whose chat template is in its tokenizer_config.json.",
        )
    own = type(tokenizer).apply_chat_template is not _plain_renderer()
    if not tokenizer.chat_template and not own:
        raise MlxrError(
            f"The tokenizer of {model} has no chat template: it is a base model.",
            "Choose its instruct variant (often the same name with -Instruct or -it), or give the "
            'recipe one: chat_template = "FILE.jinja".',
        )


def _eos_ids(config: dict[str, Any], own: int | None) -> frozenset[int]:
    """Return the ids at which mlx_lm stops to generate."""
    listed = config.get("eos_token_id")
    ids = listed if isinstance(listed, list) else [listed]
    return frozenset(token for token in [*ids, own] if token is not None)


def _plain_renderer() -> Any:
    from transformers import PreTrainedTokenizerBase

    return PreTrainedTokenizerBase.apply_chat_template


def _thinking_option(renderer: Any, own: bool) -> str:
    """Return the name under which the chat template is told whether to think."""
    names = inspect.signature(renderer).parameters if own else {}
    return (
        "thinking" if "thinking" in names and "enable_thinking" not in names else "enable_thinking"
    )


def _thinks(tokenizer: Any) -> bool:
    vocabulary = tokenizer.get_vocab()
    return any(all(token in vocabulary for token in group) for group in _THINKING)
