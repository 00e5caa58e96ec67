"""The base with examples in its prompt: does training beat showing the model how it is done?

The same training records, chosen by seed, stand as earlier turns before every test prompt. What
comes of it is told beside the verdict and takes no part in it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlxr.compare.arms import Arm, Request
from mlxr.compare.case import clusters
from mlxr.compare.document import side
from mlxr.compare.entries import interval_entry
from mlxr.compare.judge import Judgement
from mlxr.compare.metric import Metric
from mlxr.compare.record import Record
from mlxr.compare.scorers import Scorer
from mlxr.compare.scoring import totals
from mlxr.compare.statistics import Paired, compare_metric, estimate
from mlxr.errors import MlxrError
from mlxr.prep.tokens import Tokenizer, Tokens


@dataclass(frozen=True)
class Shots:
    """What the base is asked with examples before each prompt."""

    examples: tuple[Record, ...]
    """The training records shown."""
    request: Request
    """The prompts with them."""
    shown: tuple[int, ...]
    """How many examples each prompt has: fewer where all do not fit into the model's context."""


def with_shots(
    request: Request,
    records: Sequence[Record],
    train: Sequence[Record],
    count: int,
    seed: int,
    tokenizer: Tokenizer,
) -> Shots:
    """Return `request`, made of the test `records`, with `count` examples before each prompt.

    Raises MlxrError where not a single example fits, or the chat template takes no earlier turns.
    """
    examples = pick(train, count, seed)
    fitting = [_fitting(record, examples, tokenizer, request.max_tokens) for record in records]
    shown = tuple(number for number, _ in fitting)
    if not any(shown):
        raise MlxrError(
            f"No prompt of the test split has room for an example: the model reads"
            f" {tokenizer.context_length:,} tokens.",
            "Leave out compare.shots.",
        )
    prompts = tuple(
        replace(prompt, ids=tuple(tokens.ids), offset=tokens.offset)
        for prompt, (_, tokens) in zip(request.prompts, fitting, strict=True)
    )
    return Shots(examples, replace(request, prompts=prompts), shown)


def pick(train: Sequence[Record], count: int, seed: int) -> tuple[Record, ...]:
    """Return `count` training records by seed, none of them labelled as undesirable."""
    wanted = [record for record in train if record["mlxr"].get("desirable") is not False]
    order = sorted(wanted, key=lambda record: str(record["mlxr"]["id"]))
    return tuple(random.Random(seed).sample(order, min(count, len(order))))


def messages(record: Record, examples: Sequence[Record]) -> list[dict[str, Any]]:
    """Return a record's messages, the examples' turns before its own, its system text first."""
    own = list(record["messages"])
    first = next((i for i, each in enumerate(own) if each["role"] != "system"), len(own))
    turns = [each for one in examples for each in one["messages"] if each["role"] != "system"]
    return [*own[:first], *turns, *own[first:]]


def _fitting(
    record: Record, examples: Sequence[Record], tokenizer: Tokenizer, answer: int
) -> tuple[int, Tokens]:
    """Return how many of the examples fit before a prompt, and the record in tokens with them."""
    for count in range(len(examples), -1, -1):
        tokens = tokenizer.encode(messages(record, examples[:count]), record.get("tools"))
        longest = max(len(tokens.ids), len(tokens.prompt) + answer)
        if not tokenizer.context_length or longest <= tokenizer.context_length:
            break
    return count, tokens


def told(
    shots: Shots, arm: Arm, judgement: Judgement, scorer: Scorer, seed: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what compare.json says of the prompted base, and the lines of prompted.jsonl."""
    scores = [
        scorer.score(judged.sample, replace(output, base_nll=judged.base.nll))
        for judged, output in zip(judgement.judged, arm.outputs, strict=True)
    ]
    lines = [
        {"id": judged.sample.id, "examples": count, **side(output, score)}
        for judged, count, output, score in zip(
            judgement.judged, shots.shown, arm.outputs, scores, strict=True
        )
    ]
    samples = [judged.sample for judged in judgement.judged]
    primary, ids = judgement.primary, [sample.id for sample in samples]
    tuned = [judged.tuned_score for judged in judgement.judged]
    groups = clusters(samples, [sample.prompt for sample in samples])
    alone = estimate(primary, scores, ids, seed, groups)
    paired = compare_metric(primary, scores, tuned, ids, seed, groups)
    fewer = sum(count < len(shots.examples) for count in shots.shown)
    return {
        "text": _text(primary, paired, _bare(judgement), len(shots.examples), fewer),
        "shots": len(shots.examples),
        "examples": [record["mlxr"]["id"] for record in shots.examples],
        "fewer": fewer,
        "metrics": totals(scorer.metrics, scores),
        "primary": alone and {"value": alone.value, "ci95": interval_entry(alone.interval)},
        "tuned_minus_prompted": paired
        and {"value": paired.delta, "ci95": interval_entry(paired.interval), "p": paired.p},
    }, lines


def _bare(judgement: Judgement) -> float | None:
    """Return what the base without examples scores on the primary metric."""
    paired = judgement.results[0].paired
    return paired.base if paired else None


def _text(metric: Metric, paired: Paired | None, bare: float | None, count: int, fewer: int) -> str:
    """Say in words how the tuned model stands beside the prompted base."""
    examples = "1 example" if count == 1 else f"{count} examples"
    if paired is None:
        return f"The base with {examples} in its prompt has no score of {metric.title}."
    ends = interval_entry(paired.interval)
    sure = f"; 95 % interval {' to '.join(map(metric.show_delta, ends))}" if ends else ""
    without = f" (and {metric.show(bare)} without)" if bare is not None else ""
    said = (
        f"{_stands(metric, paired, ends)}. On {metric.title} the base with {examples} in its"
        f" prompt scores {metric.show(paired.base)}{without}, the tuned model"
        f" {metric.show(paired.tuned)}"
        f" ({metric.show_delta(paired.delta)}{sure}, n = {paired.n})."
    )
    room = f" {fewer} of {paired.n} prompts had room for fewer of them." if fewer else ""
    return said + room


def _stands(metric: Metric, paired: Paired, ends: list[float] | None) -> str:
    low, high = ends or (float("-inf"), float("inf"))
    if paired.p < 0.05 and (low > 0 or high < 0):
        better = (low > 0) == metric.higher_is_better
        return "Training beats prompting" if better else "Prompting beats training"
    return "Training is not shown to beat prompting"
