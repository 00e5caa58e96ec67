"""The one prompt builder: messages to token ids, exactly as mlx_lm 0.32.2 makes them.

mlx_lm reads a record in `tuner/datasets.py` (ChatDataset.process) through its TokenizerWrapper.
Three rules of that wrapper matter: no special tokens are added to what the chat template wrote;
`enable_thinking` is always passed, true where the vocabulary has thinking tokens; the mask
covers as many tokens as the template gives for all messages but the last.
Nothing here imports mlx_lm: that would lower this process's limit of open files.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import sha256
from mlxr.model import ModelConfig, fingerprint, locate, read_config
from mlxr.prep.shapes import Conversation, Message
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
        self._own_renderer = kind is not _plain_renderer()
        self._blank: dict[int, bool] = {}
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

    def encode_all(self, conversations: Sequence[Conversation]) -> list[Tokens | Refused]:
        """Return the tokens of each conversation, or why there are none; made in one batch."""
        rendered = [self._rendered(conversation) for conversation in conversations]
        texts = [text for pair in rendered if not isinstance(pair, Refused) for text in pair]
        ids = iter(self._ids(texts))
        return [
            pair if isinstance(pair, Refused) else _tokens(next(ids), next(ids))
            for pair in rendered
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`, special tokens included."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def is_blank(self, token: int) -> bool:
        """Tell whether a token is nothing but white space."""
        if token not in self._blank:
            self._blank[token] = not self.decode([token]).strip()
        return self._blank[token]

    def _rendered(self, conversation: Conversation) -> tuple[Any, Any] | Refused:
        messages, tools = conversation.messages, conversation.tools
        opens = messages[-1].get("role") == "assistant"
        try:
            return self._render(messages, tools), self._render(messages[:-1], tools, opens=opens)
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

    def _ids(self, texts: Sequence[Any]) -> list[list[int]]:
        if self._own_renderer or not texts:
            return [list(ids) for ids in texts]
        options = {"add_special_tokens": False, "return_attention_mask": False}
        ids: list[list[int]] = self._tokenizer(list(texts), **options)["input_ids"]
        return ids


def _refusal(error: Exception) -> str:
    return f"the model's chat template refuses it: {str(error).rstrip('.')}"


def _tokens(ids: list[int], prompt: list[int]) -> Tokens:
    return Tokens(ids, len(prompt), prompt)


def prompt_sha256(prompt: Sequence[int]) -> str:
    """Return the hash that a record keeps of its prompt's ids."""
    return sha256(list(prompt))


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
    _check_template(tokenizer, recipe.model)
    return Tokenizer(tokenizer, config, folder)


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
            "Choose its instruct variant (often the same name with -Instruct or -it).",
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
