"""The compare child: one arm in one process.

    python -m mlxr.compare.child FD SETTINGS

Reads the prompts as token ids, so that both arms consume the very same; answers them greedily
and measures the likelihood of the expected answers. What an earlier child was interrupted in is
gone on with. One process an arm, so that memory and time are its own.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.compare.outputs import (
    Answer,
    Drift,
    append_batch,
    append_drift,
    append_nll,
    read_outputs,
)
from mlxr.ending import leave_with_mlxr
from mlxr.events import Generated, Pipe, Step, reporting
from mlxr.files import read_jsonl
from mlxr.loaded import Arms, load_model


@dataclass(frozen=True)
class Settings:
    """What an arm is; its jobs as `Job` has them."""

    model: str
    adapter: str | None
    """Adapter folder, or None for the base."""
    jobs: list[dict[str, Any]]
    trust_remote_code: bool


@dataclass(frozen=True)
class Job:
    """What the arm is asked, and where its answers go."""

    said: str
    """The same in words."""
    samples: str
    """JSON Lines: {"ids": prompt and answer tokens, "offset": length of the prompt}."""
    output: str
    """The file of outputs, which may hold some already."""
    max_tokens: int
    """0: nothing is answered."""
    batch_size: int
    drift: bool
    """Whether to measure how far the answers are from the base."""


def main(descriptor: int, settings: Settings) -> None:
    """Answer and measure as `settings` say, reporting to `descriptor`."""
    with reporting(descriptor) as pipe:
        _arm(settings, pipe)


def _arm(settings: Settings, pipe: Pipe) -> None:
    jobs = [Job(**each) for each in settings.jobs]
    pipe.send(Step(jobs[0].said))
    trusted = settings.trust_remote_code
    arms: Arms | None = None
    if settings.adapter:
        arms = Arms(settings.model, settings.adapter, trust_remote_code=trusted)
        tokenizer = arms.tokenizer
    else:
        model, tokenizer = load_model(settings.model, trust_remote_code=trusted)
    for place, job in enumerate(jobs):
        if place:
            pipe.send(Step(job.said))
        _do(job, arms.use("tuned") if arms else model, tokenizer, arms, pipe)


def _do(job: Job, model: Any, tokenizer: Any, arms: Arms | None, pipe: Pipe) -> None:
    import mlx.core as mx

    from mlxr.compare.likelihood import target_nll

    samples = list(read_jsonl(Path(job.samples)))
    ids = [list(map(int, sample["ids"])) for sample in samples]
    offsets = [int(sample["offset"]) for sample in samples]
    prompts = [row[:offset] for row, offset in zip(ids, offsets, strict=True)]
    mx.reset_peak_memory()
    if job.max_tokens:
        _generate(model, tokenizer, prompts, job, pipe)
    if read_outputs(Path(job.output)).nll is None:
        due = any(offset < len(row) for row, offset in zip(ids, offsets, strict=True))
        if due and job.max_tokens:
            pipe.send(Step("Measuring the likelihood of the expected answers"))
        nll = target_nll(model, ids, offsets, job.batch_size) if due else [0.0] * len(ids)
        finite = [value if math.isfinite(value) else None for value in nll]
        moved = _lora_b_moved(model) if arms else None
        append_nll(Path(job.output), finite, moved)
    if job.drift and arms:
        pipe.send(Step("Measuring how far tuned has moved from base"))
        _measure_drift(job, arms, prompts)


def _generate(model: Any, tokenizer: Any, prompts: list[list[int]], job: Job, pipe: Pipe) -> None:
    """Answer what the file of outputs does not answer yet, and add it there batch by batch."""
    import mlx.core as mx

    from mlxr.compare.generate import answers, batch_plan, can_batch

    path = Path(job.output)
    before = read_outputs(path)
    done, tokens = len(before.answers), before.tokens
    together = can_batch(model, prompts)
    plan = batch_plan([len(p) for p in prompts], job.batch_size if together else 1)
    left = [batch for batch in plan if batch[0] not in before.answers]
    for batch in answers(model, tokenizer, prompts, left, job.max_tokens, together=together):
        made = [
            Answer(tokenizer.decode(each.token_ids), each.token_ids, each.finish,
                   each.decode_seconds)
            for each in batch.answers
        ]  # fmt: skip
        append_batch(path, batch.places, made, batch.seconds, mx.get_peak_memory() / 1e9)
        done, tokens = done + len(made), tokens + sum(len(each.token_ids) for each in made)
        pipe.send(Generated(done, len(prompts), tokens))


def _measure_drift(job: Job, arms: Arms, prompts: list[list[int]]) -> None:
    """Hold the answers of some samples, spread over all of them, against the base."""
    from mlxr.compare.choice import spread
    from mlxr.compare.drift import ROWS, written_drift

    answers = read_outputs(Path(job.output)).answers
    places = spread(len(prompts), ROWS)
    rows = [(prompts[i], answers[i].token_ids, answers[i].finish == "stop") for i in places]
    found = written_drift(arms, rows, job.batch_size)
    append_drift(
        Path(job.output),
        [Drift(i, kl, tokens) for i, (kl, tokens) in zip(places, found, strict=True)],
    )


def _lora_b_moved(model: Any) -> bool:
    """Tell whether any low-rank update differs from its zero start."""
    from mlx.utils import tree_flatten

    parameters = tree_flatten(model.parameters())
    return any(bool((v != 0).any().item()) for k, v in parameters if k.endswith("lora_b"))


if __name__ == "__main__":
    leave_with_mlxr()
    main(int(sys.argv[1]), Settings(**json.loads(sys.argv[2])))
