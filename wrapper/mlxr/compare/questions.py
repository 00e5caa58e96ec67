"""The prepared records of a split, each ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlxr.compare.arms import Prompt, Request, longest_answer
from mlxr.compare.choice import choose
from mlxr.compare.record import asked_text, offered_tools, source_texts, target_text
from mlxr.compare.sample import Sample
from mlxr.errors import MlxrError
from mlxr.files import read_jsonl
from mlxr.prep.tokens import Tokenizer, prompt_sha256
from mlxr.recipe import Recipe
from mlxr.workspace import Prepared


@dataclass(frozen=True)
class Question:
    """One record, ready to be asked."""

    record: Mapping[str, Any]
    sample: Sample
    prompt: Prompt
    prompt_sha256: str
    asked: str
    """The prompt in plain words."""


def read_questions(
    prepared: Prepared, recipe: Recipe, tokenizer: Tokenizer, split: str = "test"
) -> list[Question]:
    """Return the records of a split in tokens, checked against those that prep saw.

    Raises MlxrError where they differ, or one is too long for the model.
    """
    rows = _chosen(list(read_jsonl(prepared.split(split))), recipe)
    sources = source_texts(rows)
    questions = [
        _question(row, source, tokenizer) for row, source in zip(rows, sources, strict=True)
    ]
    drifted = [
        q.sample.id
        for q, row in zip(questions, rows, strict=True)
        if q.prompt_sha256 != row["mlxr"]["prompt_sha256"]
    ]
    if drifted:
        raise MlxrError(
            f"{len(drifted)} of {len(rows)} {split} prompts have other tokens now than when they"
            f" were prepared (first: {drifted[0]}): the tokenizer or its chat template has"
            " changed.",
            f"Prepare and train again with {recipe.model} as it is now.",
        )
    context = tokenizer.context_length
    longest = max(len(question.prompt.ids) for question in questions)
    if context and longest > context:
        raise MlxrError(
            f"A {split} row has {longest:,} tokens, more than the model's {context:,}.",
            "Lower train.max_seq_length to the model's limit, then prepare again.",
        )
    return questions


def _chosen(rows: Sequence[Mapping[str, Any]], recipe: Recipe) -> list[Mapping[str, Any]]:
    """Return the records that `compare.limit` leaves, the same for every arm."""
    about = [row["mlxr"] for row in rows]
    ids, categories = [each["id"] for each in about], [each.get("category") for each in about]
    return [rows[i] for i in choose(ids, categories, recipe.compare.limit, recipe.seed)]


def _question(row: Mapping[str, Any], source: str, tokenizer: Tokenizer) -> Question:
    messages, about = row["messages"], row["mlxr"]
    tokens = tokenizer.encode(messages, row.get("tools"))
    sample = Sample(
        id=about["id"],
        prompt=tokenizer.decode(tokens.prompt),
        target=target_text(row),
        category=about.get("category"),
        cluster=about.get("cluster"),
        source=source,
        tools=offered_tools(row),
    )
    prompt = Prompt(tuple(tokens.ids), tokens.offset, sample.target)
    return Question(row, sample, prompt, prompt_sha256(tokens.prompt), asked_text(row))


def make_request(recipe: Recipe, questions: Sequence[Question]) -> Request:
    """Return what an arm is asked; its answers may be as long as the expected ones need."""
    prompts = tuple(question.prompt for question in questions)
    lengths = [len(prompt.ids) - prompt.offset for prompt in prompts]
    return Request(
        model=recipe.model,
        trust_remote_code=recipe.trust_remote_code,
        prompts=prompts,
        max_tokens=recipe.compare.max_tokens or longest_answer(lengths),
        batch_size=recipe.compare.batch_size,
        drift=recipe.compare.forgetting,
    )
