"""Greedy answers in fixed batches.

Greedy decoding in a batch can differ from decoding alone where two tokens are nearly equal,
so both arms use the same batches: the prompts in order of length, cut into groups, each run
to its end. Where mlx_lm does not answer a batch as it answers each prompt, they are answered one
by one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

TRIED = 24
"""Tokens of a prompt that tell whether a batch is answered as each prompt alone."""
SAME = 0.03
"""How far log-probabilities may be apart, as a share of their range: rounding is far less."""


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


def can_batch(model: Any, prompts: Sequence[list[int]]) -> bool:
    """Return whether mlx_lm answers several prompts at once as it answers each alone.

    It is tried, with the first tokens of the longest prompt and fewer of them: some caches cannot
    be joined (of Llama 4's chunked attention), and some recurrent models read a shorter prompt's
    padding as if it were text (mlx_lm.models.mamba takes no mask).
    """
    import mlx.core as mx
    from mlx_lm.models.cache import make_prompt_cache

    if not all(map(_joins, make_prompt_cache(model))):
        return False
    whole = max(prompts, key=len)[:TRIED]
    part = whole[: -(-len(whole) // 3)]
    [alone], [_, beside] = (_first(model, asked) for asked in ([part], [whole, part]))
    return bool(mx.abs(alone - beside).max() <= SAME * (alone.max() - alone.min()))


def _joins(cache: Any) -> bool:
    """Whether caches of this kind can be made one; a list of caches needs it of each."""
    return hasattr(cache, "merge") and all(map(_joins, getattr(cache, "caches", ())))


def _first(model: Any, prompts: list[list[int]]) -> list[Any]:
    """The log-probabilities of the token after each prompt."""
    from mlx_lm.generate import BatchGenerator

    count = len(prompts)
    generator = BatchGenerator(model, completion_batch_size=count, prefill_batch_size=count)
    uids = generator.insert(prompts, [1] * count)
    found = {each.uid: each.logprobs for each in generator.next_generated()}
    generator.close()
    return [found[uid] for uid in uids]


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
    *,
    together: bool = True,
) -> Iterator[Batch]:
    """Yield the greedy answers to the prompts (token ids) of each batch of `plan`.

    An answer has at most `max_tokens` tokens. `together` is what `can_batch` says.
    """
    answer = _batch if together else _one_by_one
    for places in plan:
        begin = time.perf_counter()
        found = answer(model, tokenizer, [prompts[i] for i in places], max_tokens)
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


def _one_by_one(
    model: Any, tokenizer: Any, prompts: list[list[int]], max_tokens: int
) -> list[Generation]:
    return [_alone(model, tokenizer, prompt, max_tokens) for prompt in prompts]


def _alone(model: Any, tokenizer: Any, prompt: list[int], max_tokens: int) -> Generation:
    from mlx_lm import stream_generate

    tokens, times, finish = [], [], None
    for response in stream_generate(model, tokenizer, prompt, max_tokens=max_tokens):
        times.append(time.perf_counter())
        finish = response.finish_reason
        if finish != "stop":
            tokens.append(int(response.token))
    return Generation(tokens, str(finish), times[-1] - times[0])
