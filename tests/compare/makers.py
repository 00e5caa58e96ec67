"""Samples, outputs and scores for the tests of compare, and the golden cases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlxr.compare.sample import Finish, Output, Sample, Score

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "scoring_cases.json").read_text(encoding="utf-8")
)
CALENDAR = {
    "action": "text",
    "date": "date",
    "time": "time",
    "attendees": "set",
    "location": "text",
    "duration": "duration",
    "recurrence": "text",
    "notes": "text",
}


def sample(target: str, name: str = "s1", prompt: str = "What is due?") -> Sample:
    return Sample(name, prompt, target)


def output(
    text: str,
    finish: Finish = "stop",
    *,
    nll: float | None = None,
    target_tokens: int = 3,
    target_bytes: int = 3,
    token_ids: Sequence[int] = (),
) -> Output:
    return Output(
        text=text,
        tokens=len(text.split()),
        finish=finish,
        nll=nll,
        target_tokens=target_tokens,
        target_bytes=target_bytes,
        prompt_tokens=10,
        decode_seconds=None,
        token_ids=tuple(token_ids),
    )


def names(n: int) -> list[str]:
    return [f"s{i:03}" for i in range(n)]


def binary(values: Sequence[float], name: str = "right") -> list[Score]:
    return [Score({name: float(value)}) for value in values]
