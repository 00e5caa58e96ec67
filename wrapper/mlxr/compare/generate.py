"""Greedy answers in fixed batches.

Greedy decoding in a batch can differ from decoding alone where two tokens are nearly equal,
so both arms use the same batches: the prompts in order of length, cut into groups, each run
to its end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Generation:
    """One answer: tokens without the stop token, why it ended, seconds of decoding."""

    token_ids: list[int]
    finish: str
    decode_seconds: float


def batch_plan(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Return the batches as indices of prompts: in order of length, cut into groups."""
    order = sorted(range(len(lengths)), key=lambda i: (lengths[i], i))
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


@dataclass(frozen=True)
class Batch:
    """The answers of one batch: which prompts they are to, and the wall time of making them."""

    places: list[int]
    answers: list[Generation]
    seconds: float


def answers(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[list[int]],
    plan: Sequence[list[int]],
    max_tokens: int,
) -> Iterator[Batch]:
    """Yield the greedy answers to the prompts (token ids) of each batch of `plan`.

    An answer has at most `max_tokens` tokens.
    """
    for places in plan:
        begin = time.perf_counter()
        found = _batch(model, tokenizer, [prompts[i] for i in places], max_tokens)
        yield Batch(places, found, time.perf_counter() - begin)


def _batch(
    model: Any, tokenizer: Any, prompts: list[list[int]], max_tokens: int
) -> list[Generation]:
    from mlx_lm.generate import BatchGenerator

    generator = BatchGenerator(
        model,
        stop_tokens=[[token] for token in tokenizer.eos_token_ids],
        completion_batch_size=len(prompts),
        prefill_batch_size=len(prompts),
    )
    uids = generator.insert(prompts, [max_tokens] * len(prompts))
    tokens: dict[int, list[int]] = {uid: [] for uid in uids}
    finish: dict[int, str] = {}
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    while responses := generator.next_generated():
        now = time.perf_counter()
        for response in responses:
            first.setdefault(response.uid, now)
            last[response.uid] = now
            if response.finish_reason != "stop":
                tokens[response.uid].append(int(response.token))
            if response.finish_reason is not None:
                finish[response.uid] = str(response.finish_reason)
    generator.close()
    return [Generation(tokens[uid], finish[uid], last[uid] - first[uid]) for uid in uids]
