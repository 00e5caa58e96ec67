"""The findings that one record is an instance of by its tokens and its rendered text."""

from __future__ import annotations

from collections.abc import Sequence

from mlxr.prep.conversation import Example, PlainText
from mlxr.prep.tokens import Rendered, Tokenizer, Tokens
from mlxr.recipe import Train


def faults(example: Example, tokens: Tokens, tokenizer: Tokenizer, train: Train) -> tuple[str, ...]:
    """Return the findings that a record is an instance of by its tokens."""
    found = []
    if not tokens.is_prefix:
        found.append("prompt-not-prefix")
    if tokens.targets(train.max_seq_length, train.mask_prompt) == 0:
        return (*found, "no-target")
    trained = tokens.ids[max(tokens.offset, 1) : train.max_seq_length]
    found += _end_faults(trained, tokenizer)
    if _double_bos(example, tokens.ids, tokenizer):
        found.append("double-bos")
    return tuple(found)


def left_out(example: Example, rendered: Rendered | None) -> tuple[str, ...]:
    """Return the findings on what a record has and the chat template did not write."""
    if isinstance(example, PlainText) or rendered is None or not isinstance(rendered.whole, str):
        return ()
    found = []
    functions = (tool.get("function", tool) for tool in example.tools or () if _is_table(tool))
    names = [str(each["name"]) for each in functions if _is_table(each) and "name" in each]
    if any(name not in rendered.prompt for name in names):
        found.append("tools-left-out")
    said = (m["content"] for m in example.messages if m["role"] != "tool" and m["content"])
    if any(each.strip() not in rendered.whole for each in said if "<think" not in each):
        found.append("message-left-out")
    return tuple(found)


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _end_faults(trained: Sequence[int], tokenizer: Tokenizer) -> list[str]:
    """Judge the last tokens that are not blank: what stops generation, and that only once."""
    last: list[int] = []
    for token in reversed(trained):
        if not tokenizer.is_blank(token):
            last.append(token)
        if len(last) == 2:
            break
    if not last or last[0] not in tokenizer.eos_ids:
        return ["no-end-of-turn"]
    return ["double-eos"] if last[1:] == last[:1] else []


def _double_bos(example: Example, ids: Sequence[int], tokenizer: Tokenizer) -> bool:
    bos, text = tokenizer.bos_id, tokenizer.bos
    if bos is None or not text or ids[0] != bos:
        return False
    if isinstance(example, PlainText):
        return ids[1:2] == [bos]
    said = (message["content"] or "" for message in example.messages)
    return ids[1:2] == [bos] or any(each.lstrip().startswith(text) for each in said)
