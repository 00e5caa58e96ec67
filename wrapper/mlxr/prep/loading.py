"""A model's tokenizer from its files, with the recipe's chat template where there is one."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any, NamedTuple

from mlxr.errors import MlxrError, first_line
from mlxr.model import ModelConfig, locate, read_config
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


class Loaded(NamedTuple):
    """A tokenizer of the transformers library, its model's config and folder."""

    tokenizer: Any
    config: ModelConfig
    folder: Path


def load(recipe: Recipe) -> Loaded:
    """Return the tokenizer of the recipe's model; raises MlxrError where it cannot be had."""
    folder = locate(recipe.model)
    config = read_config(folder)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")  # or it warns when a child starts
    spare = max(1, (os.cpu_count() or 2) - 1)  # one core renders and audits meanwhile
    os.environ.setdefault("RAYON_NUM_THREADS", str(spare))
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
        _give(tokenizer, Path(recipe.chat_template))
    _check_template(tokenizer, recipe.model)
    return Loaded(tokenizer, config, folder)


def _give(tokenizer: Any, path: Path) -> None:
    """Give a tokenizer the recipe's chat template; raises MlxrError where that is no Jinja."""
    tokenizer.chat_template = _read(path)
    try:
        tokenizer.apply_chat_template([{"role": "user", "content": "?"}], tokenize=False)
    except Exception as error:  # whatever it objects to but its own syntax, rows may be better
        if line := getattr(error, "lineno", None):
            said = getattr(error, "message", error)
            raise MlxrError(
                f"{path}:{line} is no Jinja template: {said}", f"Edit {path}:{line}."
            ) from None


def _read(path: Path) -> str:
    """Return a chat template as mlx_lm reads it from a model's folder."""
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise MlxrError(f"{path} cannot be read: {error}.", "Save it as UTF-8.") from None


def _unloadable(recipe: Recipe, error: Exception) -> MlxrError:
    said = f"The tokenizer of {recipe.model} cannot be loaded: {first_line(error)}"
    hint = "Check that tokenizer.json and tokenizer_config.json are there and whole."
    if "trust_remote_code" in str(error):
        hint = "It needs Python code of its own: if you trust it, trust_remote_code = true."
    return MlxrError(said, hint)


def _check_template(tokenizer: Any, model: str) -> None:
    """Raise MlxrError where mlx_lm would have no chat template, or one that is its own code."""
    if tokenizer.init_kwargs.get("chat_template_type"):
        raise MlxrError(
            f"The chat template of {model} is a program inside mlx_lm, which mlxr cannot run yet.",
            "Choose a model whose chat template is in its tokenizer_config.json.",
        )
    own = type(tokenizer).apply_chat_template is not plain_renderer()
    if not tokenizer.chat_template and not own:
        raise MlxrError(
            f"The tokenizer of {model} has no chat template: it is a base model.",
            "Choose its instruct variant (often the same name with -Instruct or -it), or give the "
            'recipe one: chat_template = "FILE.jinja".',
        )


def plain_renderer() -> Any:
    """Return the method by which a tokenizer renders its chat template, unless it has its own."""
    from transformers import PreTrainedTokenizerBase

    return PreTrainedTokenizerBase.apply_chat_template


def thinking_option(renderer: Any, own: bool) -> str:
    """Return the name under which the chat template is told whether to think."""
    names = inspect.signature(renderer).parameters if own else {}
    return (
        "thinking" if "thinking" in names and "enable_thinking" not in names else "enable_thinking"
    )


def thinks(tokenizer: Any) -> bool:
    """Tell whether mlx_lm takes the tokenizer for that of a thinking model."""
    vocabulary = tokenizer.get_vocab()
    return any(all(token in vocabulary for token in group) for group in _THINKING)
