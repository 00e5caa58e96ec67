"""What runs in the compare child, on the demo's model: likelihood and generation."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL
from mlxr.compare.arms import longest_answer
from mlxr.compare.child import Job, Settings
from mlxr.compare.generate import answers, batch_plan
from mlxr.compare.likelihood import target_nll
from mlxr.files import write_jsonl
from mlxr.process import environment
from trained_runs import random_adapter


@pytest.fixture(scope="module")
def loaded() -> tuple[Any, Any]:
    from mlx_lm import load

    model, tokenizer = load(str(MODEL))
    return model, tokenizer


def prompts(tokenizer: Any, count: int) -> list[list[int]]:
    texts = [f"Repeat: {'Talven ' * (i % 5 + 1)}{i}" for i in range(count)]
    return [
        tokenizer.apply_chat_template([{"role": "user", "content": t}], add_generation_prompt=True)
        for t in texts
    ]


def independent(model: Any, ids: list[int], offset: int) -> float:
    """Compute −Σ log p of one unpadded row in float64."""
    import mlx.core as mx
    import numpy as np

    logits = np.array(model(mx.array([ids[:-1]]))[0], dtype=np.float64)
    logits -= logits.max(-1, keepdims=True)
    log = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return float(-sum(log[i - 1, ids[i]] for i in range(max(offset, 1), len(ids))))


@pytest.mark.parametrize("kind", ["none", "lora", "dora"])
def test_nll_is_exact_padded_or_not_with_and_without_an_adapter(kind: str, tmp_path: Path) -> None:
    """50 rows with answers of 3 to 12 tokens, the first of them scored from its second token on."""
    from mlx_lm import load

    weights = None if kind == "none" else str(random_adapter(tmp_path / "adapter", kind=kind))
    model, tokenizer = load(str(MODEL), adapter_path=weights)
    starts = prompts(tokenizer, 50)
    rows = [[*p, *range(40 + i % 7, 43 + i % 7 + i % 10)] for i, p in enumerate(starts)]
    offsets = [0, *map(len, starts[1:])]
    expected = [independent(model, row, at) for row, at in zip(rows, offsets, strict=True)]
    for batch in (1, 16):
        assert target_nll(model, rows, offsets, batch) == pytest.approx(expected, rel=1e-5)
    if weights:
        base, _ = load(str(MODEL))
        without = target_nll(base, rows, offsets, 16)
        assert all(abs(a - b) > 1e-3 for a, b in zip(without, expected, strict=True))


def test_nll_does_not_depend_on_the_order(loaded: tuple[Any, Any]) -> None:
    model, tokenizer = loaded
    rows = [[*p, 40, 0] for p in prompts(tokenizer, 9)]
    offsets = [len(row) - 2 for row in rows]
    forward = target_nll(model, rows, offsets, 4)
    backward = target_nll(model, rows[::-1], offsets[::-1], 4)
    assert forward == backward[::-1]


def test_answers_come_back_in_order_and_stop(loaded: tuple[Any, Any]) -> None:
    from mlx_lm import stream_generate

    model, tokenizer = loaded
    asked = prompts(tokenizer, 10)
    plan = batch_plan([len(prompt) for prompt in asked], 4)
    batches = list(answers(model, tokenizer, asked, plan, 24))
    assert [len(batch.answers) for batch in batches] == [4, 4, 2]
    by_place = {i: a for b in batches for i, a in zip(b.places, b.answers, strict=True)}
    found = [by_place[i] for i in range(10)]
    same = 0
    for prompt, answer in zip(asked, found, strict=True):
        alone = list(stream_generate(model, tokenizer, prompt, max_tokens=24))
        ids = [r.token for r in alone if r.finish_reason != "stop"]
        same += ids == answer.token_ids
        assert answer.finish in {"stop", "length"}
        assert len(answer.token_ids) <= 24
        assert (answer.finish == "length") == (len(answer.token_ids) == 24)
        assert not set(answer.token_ids) & set(tokenizer.eos_token_ids)
    assert same >= 9, "batched and single greedy answers may differ in near-ties only"


def test_the_batch_plan_depends_on_lengths_only() -> None:
    assert batch_plan([5, 3, 9, 3, 1], 2) == [[4, 1], [3, 0], [2]]


def test_the_longest_answer_follows_from_the_expected_ones() -> None:
    assert longest_answer([10] * 100) == 64
    assert longest_answer([100] * 99 + [1000]) == 150
    assert longest_answer([100] * 98 + [1000] * 2) == 1500


def test_an_arm_goes_with_mlxr_however_that_ends(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    """Its stdin ends with mlxr; it had answers for minutes to give."""
    samples, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    write_jsonl(samples, ({"ids": p, "offset": len(p)} for p in prompts(loaded[1], 400)))
    job = Job("Asking", str(samples), str(output), max_tokens=400, batch_size=2, drift=False)
    settings = asdict(Settings(str(MODEL), None, [asdict(job)], trust_remote_code=False))
    command = [sys.executable, "-m", "mlxr.compare.child", "1", json.dumps(settings)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment()) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert b"Asking" in child.stdout.readline()
        child.stdin.close()
        said = child.stdout.read()
    assert child.returncode == 0
    assert b"ended" not in said
