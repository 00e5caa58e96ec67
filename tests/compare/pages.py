"""Comparisons of made-up records, for the tests of the page."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from mlxr.compare.case import Case
from mlxr.compare.document import Origin, document
from mlxr.compare.forgetting import Forgetting
from mlxr.compare.judge import Judgement, judge
from mlxr.compare.leaks import Leaks
from mlxr.compare.refereed import Refereed
from mlxr.compare.sample import Output, Sample
from mlxr.recipe import Compare

HOSTILE = (
    "</script><script>document.title='broken'</script>",
    "<img src=x onerror=\"document.title='broken'\">",
    "<!--<script>",
    "]]>&lt;\u2028\u2029\u202e\x00\x1b[31m",
    "half a character: \ud800",
    "<a href='https://example.org/'>x</a><link rel=stylesheet href=https://example.org/x.css>",
)
COST = {
    "generation_seconds": 1.5,
    "tokens": 1200,
    "tokens_per_second": 800.0,
    "answer_tokens": {"p5": 3, "median": 20, "p95": 31},
    "answer_words": {"p5": 2, "median": 14, "p95": 22},
    "peak_memory": 0.5,
    "truncated": 0,
    "adapter_moved": None,
}


def written(text: str, nll: float = 1.0, n: int = 8) -> Output:
    return Output(text, n, "stop", nll, n, n, 10, None)


def compared(
    samples: Sequence[Sample],
    base: Sequence[str],
    tuned: Sequence[str],
    tuned_nll: Sequence[float] = (),
    leaks: Leaks | None = None,
    forgetting: Forgetting | None = None,
    refereed: Refereed | None = None,
    **rules: Any,
) -> tuple[dict[str, Any], Judgement]:
    """Return the document and the judgement of two lists of answers."""
    judgement = judge(
        Case(
            samples=samples,
            base=[written(text) for text in base],
            tuned=[written(*pair) for pair in zip(tuned, tuned_nll or [1.0] * len(tuned))],  # noqa: B905
            train_targets=[sample.target for sample in samples],
            rules=Compare(**rules),
            seed=42,
            prompts=[sample.id for sample in samples],
            leaks=leaks,
            forgetting=forgetting,
            refereed=refereed,
        )
    )
    cost = COST | {"tokens": 8 * len(samples)}
    origin = Origin(
        name="made/0001",
        data={"split": "test", "sha256": "0" * 64},
        provenance={"recipe": {"model": "owner/model"}, "seed": 42, "adapter_sha256": "1" * 64},
        arms={"base": cost, "tuned": cost},
        findings=[{"code": "test-too-small", "level": "warning", "message": "Few <b>rows</b>."}],
        loss_curve={
            "train": [[i, 2.0 / i] for i in range(1, 60)],
            "valid": [[i, 2.2 / i + i / 200] for i in range(1, 60, 10)],
        },
    )
    return document(origin, judgement), judgement


def record(i: int, name: str) -> dict[str, str | None]:
    return {"name": name, "city": f"Town {i % 7}", "note": None if i % 3 else f"note {i}"}


def records(n: int, names: Sequence[str] = ("Ada",)) -> tuple[dict[str, Any], Judgement]:
    """Return a comparison of `n` records: the base misses much, the tuned a little."""
    rng = random.Random(7)
    due = [record(i, f"{names[i % len(names)]} {i}") for i in range(n)]
    samples = [
        Sample(
            f"s{i:05}",
            f"Read this: {each['name']} lives in {each['city']}.",
            json.dumps(each),
            category=names[i % len(names)] if i % 2 else "even",
        )
        for i, each in enumerate(due)
    ]
    base = [_worsened(each, rng, 0.6) for each in due]
    tuned = [_worsened(each, rng, 0.2) for each in due]
    return compared(samples, base, tuned, task="extraction")


def _worsened(due: Mapping[str, str | None], rng: random.Random, share: float) -> str:
    made = {k: "wrong" if rng.random() < share else v for k, v in due.items()}
    return "no idea" if rng.random() < share / 5 else json.dumps(made)


def texts(n: int, odd: str = "no") -> tuple[dict[str, Any], Judgement]:
    """Return a comparison of `n` plain answers, by exact match."""
    samples = [Sample(f"s{i}", f"Question {i}", f"answer {i}") for i in range(n)]
    base = [f"answer {i}" if i % 4 == 0 else odd for i in range(n)]
    tuned = [odd if i % 10 == 0 else f"answer {i}" for i in range(n)]
    return compared(samples, base, tuned, task="text", primary="exact")
