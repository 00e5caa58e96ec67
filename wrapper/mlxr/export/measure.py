"""How far two models are apart: what they answer, and the logits behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mlxr.compare.generate import answers, batch_plan


@dataclass(frozen=True)
class Rows:
    """Test rows in tokens, and how they are to be answered."""

    ids: list[list[int]]
    """Prompt and expected answer."""
    offsets: list[int]
    """Where the expected answers begin."""
    max_tokens: int
    batch_size: int


Model = Callable[[Any], Any]
"""From tokens to logits."""
Answers = list[tuple[list[int], str]]
"""Tokens and why they ended, of each answer."""


def greedy(model: Any, tokenizer: Any, rows: Rows, tell: Callable[[int, int], None]) -> Answers:
    """Return the greedy answer to each prompt; `tell` gets the answers and tokens so far."""
    prompts = [ids[:offset] for ids, offset in zip(rows.ids, rows.offsets, strict=True)]
    plan = batch_plan([len(prompt) for prompt in prompts], rows.batch_size)
    found: dict[int, tuple[list[int], str]] = {}
    for batch in answers(model, tokenizer, prompts, plan, rows.max_tokens):
        for place, answer in zip(batch.places, batch.answers, strict=True):
            found[place] = (answer.token_ids, answer.finish)
        tell(len(found), sum(len(tokens) for tokens, _ in found.values()))
    return [found[i] for i in range(len(prompts))]


def logit_distance(one: Model, other: Model, rows: Rows) -> dict[str, float]:
    """Return mean and maximum of |Δ logit| between two models, under "mean" and "max".

    Over every position of the expected answers, each read with the expected tokens before it, and
    over the whole vocabulary; in float32, a row at a time, so that no padding comes in.
    """
    sums, largest, count = 0.0, 0.0, 0
    for ids, offset in zip(rows.ids, rows.offsets, strict=True):
        mean, most, size = _apart(one, other, ids, max(offset, 1))
        sums, largest, count = sums + mean * size, max(largest, most), count + size
    return {"mean": sums / max(1, count), "max": largest}


def _apart(one: Model, other: Model, ids: Sequence[int], offset: int) -> tuple[float, float, int]:
    """Return mean, maximum and number of |Δ logit| over the tokens of a row from `offset` on."""
    import mlx.core as mx

    tokens = mx.array([list(ids[:-1])])
    logits = [model(tokens)[0, offset - 1 :].astype(mx.float32) for model in (one, other)]
    apart = mx.abs(logits[0] - logits[1])
    if not apart.size:
        return 0.0, 0.0, 0
    return float(apart.mean().item()), float(apart.max().item()), int(apart.size)
