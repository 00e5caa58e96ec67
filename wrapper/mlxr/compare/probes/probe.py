"""The probes as they ship: read, named by a hash, and turned into what both arms are asked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from mlxr.compare.arms import Prompt, Request
from mlxr.compare.probes.checks import passes
from mlxr.errors import MlxrError
from mlxr.prep.tokens import Tokenizer
from mlxr.recipe import Recipe

ANSWER = 96
"""Tokens that an answer to an instruction may have."""
_FILES = ("passages.jsonl", "instructions.jsonl")


@dataclass(frozen=True)
class Passage:
    """A text that has nothing to do with any task."""

    id: str
    kind: str
    """english, other (another language) or code."""
    text: str


@dataclass(frozen=True)
class Instruction:
    """Something simple to do, and how to tell whether it was done."""

    id: str
    prompt: str
    check: str
    value: Any
    about: tuple[str, ...]
    """An answer has one of these in it; empty: no matter what."""
    example: str
    """An answer that passes."""

    def passed(self, answer: str) -> bool:
        """Return whether an answer does what was asked."""
        return passes(answer, self.check, self.value, self.about)


@dataclass(frozen=True)
class Probes:
    """What both arms are asked beside the test rows."""

    passages: Request
    instructions: Request | None
    skipped: str = ""
    """Why there are no instructions."""

    @property
    def requests(self) -> list[Request]:
        """What is to be asked, the passages first."""
        return [self.passages, *([self.instructions] if self.instructions else [])]


def passages() -> list[Passage]:
    """Return the passages of general text."""
    return [Passage(**row) for row in _rows(_FILES[0])]


def instructions() -> list[Instruction]:
    """Return the simple instructions."""
    return [Instruction(**row | {"about": tuple(row["about"])}) for row in _rows(_FILES[1])]


def probes_sha256() -> str:
    """Return what names the probes: a hash of their files."""
    return hashlib.sha256(b"".join(map(_bytes, _FILES))).hexdigest()


def make_probes(recipe: Recipe, tokenizer: Tokenizer) -> Probes:
    """Return the probes in tokens, as the prompt builder makes them."""
    measured = _request(recipe, [_passage(each.text, tokenizer) for each in passages()], 0)
    if recipe.chat_template:
        why = "the recipe gives the model its chat template, so it never learnt to follow any"
        return Probes(measured, None, why)
    try:
        asked = [tokenizer.opening([{"role": "user", "content": each.prompt}])
                 for each in instructions()]  # fmt: skip
    except MlxrError as error:
        return Probes(measured, None, str(error).rstrip("."))
    prompts = [Prompt(tuple(ids), len(ids), "") for ids in asked]
    return Probes(measured, _request(recipe, prompts, ANSWER))


def _passage(text: str, tokenizer: Tokenizer) -> Prompt:
    """Return a passage as a target: all but its first token, which follows nothing."""
    ids = tokenizer.beginning(text)[: tokenizer.context_length]
    return Prompt(tuple(ids), 1, tokenizer.decode(ids[1:]))


def _request(recipe: Recipe, prompts: list[Prompt], max_tokens: int) -> Request:
    return Request(
        model=recipe.model,
        trust_remote_code=recipe.trust_remote_code,
        prompts=tuple(prompts),
        max_tokens=max_tokens,
        batch_size=recipe.compare.batch_size,
        what="simple instructions" if max_tokens else "passages of general text",
    )


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _bytes(name).splitlines()]


def _bytes(name: str) -> bytes:
    return files("mlxr.compare.probes").joinpath(name).read_bytes()
