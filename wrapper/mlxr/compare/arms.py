"""Running an arm: the base model, or the base with an adapter, over the test samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mlxr.compare.outputs import Answer, Drift, Outputs, outputs_key, read_outputs
from mlxr.compare.sample import Output
from mlxr.events import Display, Step
from mlxr.files import write_jsonl
from mlxr.process import run_child

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Prompt:
    """One sample in tokens: prompt and expected answer, and where the answer begins."""

    ids: tuple[int, ...]
    offset: int
    target: str


@dataclass(frozen=True)
class Request:
    """What an arm is asked; arms to be held against each other are asked the same."""

    model: str
    trust_remote_code: bool
    prompts: tuple[Prompt, ...]
    max_tokens: int
    """Longest answer; 0 where nothing is to be answered, but a likelihood measured."""
    batch_size: int
    what: str = "prompts"
    """What the prompts are, in a word."""
    drift: bool = False
    """Whether to measure how far an adapter moved the model from its base."""


@dataclass(frozen=True)
class Arm:
    """What one arm wrote, and what it cost."""

    outputs: tuple[Output, ...]
    seconds: float
    """Wall time of generation, loading left out."""
    peak_memory: float
    """GB (10^9 bytes), over generation."""
    adapter_moved: bool | None
    """Whether the adapter differs from its zero start; None for the base."""
    drift: tuple[Drift, ...] = ()
    """How far its answers are from the base; empty where nobody asked."""
    one_by_one: bool = False
    """Whether no two samples were answered at once."""

    @property
    def tokens(self) -> int:
        """Tokens written, over all samples."""
        return sum(output.tokens or 0 for output in self.outputs)

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens written per second of wall time, the whole batch together."""
        return self.tokens / self.seconds if self.seconds else None

    def cost(self) -> dict[str, Any]:
        """Return what compare.json says of the arm."""
        return {
            "generation_seconds": self.seconds,
            "tokens": self.tokens,
            "tokens_per_second": self.tokens_per_second,
            "answer_tokens": _spread([output.tokens or 0 for output in self.outputs]),
            "answer_words": _spread([len(output.text.split()) for output in self.outputs]),
            "peak_memory": self.peak_memory,
            "truncated": sum(output.finish == "length" for output in self.outputs),
            "adapter_moved": self.adapter_moved,
        }


def _spread(lengths: Sequence[int]) -> dict[str, int]:
    """Return the median, and where all but one in twenty are, at either end."""
    shares = {"p5": 0.05, "median": 0.5, "p95": 0.95}
    return {name: nearest_rank(lengths, share) for name, share in shares.items()}


def nearest_rank(values: Sequence[Number], share: float) -> Number:
    """Return the least of some values that so large a share does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def longest_answer(target_tokens: Sequence[int]) -> int:
    """Return how many tokens an answer may have: max(64, ⌈1.5 × p99 of the expected answers⌉)."""
    return max(64, math.ceil(1.5 * nearest_rank(target_tokens, 0.99)))


def run_arm(
    name: str,
    requests: Sequence[Request],
    adapter: Path | None,
    folder: Path,
    outputs: Path,
    display: Display,
    *,
    fresh: bool = False,
) -> list[Arm]:
    """Return an arm's answers to each request: those in `outputs`, the rest from one process.

    That logs to `folder`, and adds what it answers to `outputs` at once, so that nothing is asked
    twice, unless all is to be asked anew (`fresh`). The requests are of one model. Raises
    MlxrError when it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    outputs.mkdir(parents=True, exist_ok=True)
    jobs = [
        _job(name, place, request, adapter, folder, outputs, fresh=fresh)
        for place, request in enumerate(requests)
    ]
    left = [job for job in jobs if _is_open(job)]
    if jobs[0] not in left:
        kept = f"Taking the {len(requests[0].prompts)} answers of {name} as they were kept"
        display.show(Step(kept))
    if left:
        settings = {
            "model": requests[0].model,
            "adapter": str(adapter) if adapter else None,
            "trust_remote_code": requests[0].trust_remote_code,
            "jobs": left,
        }
        log = folder / f"{name}.log"
        run_child("mlxr.compare.child", settings, log, display, f"The {name} arm failed")
    for job in jobs:
        Path(job["samples"]).unlink()
    kept_now = [read_outputs(Path(job["output"])) for job in jobs]
    return [_arm(request, kept) for request, kept in zip(requests, kept_now, strict=True)]


def _job(
    name: str,
    place: int,
    request: Request,
    adapter: Path | None,
    folder: Path,
    outputs: Path,
    *,
    fresh: bool,
) -> dict[str, Any]:
    """Write a request's prompts beside the log, and return what the child is told of them."""
    samples = folder / f"{name}.{place}.in.jsonl"
    write_jsonl(samples, ({"ids": list(p.ids), "offset": p.offset} for p in request.prompts))
    generation = {"max_tokens": request.max_tokens, "batch_size": request.batch_size}
    path = outputs / f"{outputs_key(request.model, adapter, samples, generation)}.jsonl"
    if fresh:
        path.unlink(missing_ok=True)
    return {
        "said": _said(name, request, len(read_outputs(path).answers)),
        "samples": str(samples),
        "output": str(path),
        "drift": request.drift and adapter is not None,
        **generation,
    }


def _said(name: str, request: Request, known: int) -> str:
    if known and known == len(request.prompts):
        return f"Taking the {known} answers of {name} as they were kept"
    before = f", {known} of them answered before" if known else ""
    limit = f", answers of up to {request.max_tokens} tokens" if request.max_tokens else ""
    verb = "Asking" if request.max_tokens else "Measuring"
    return f"{verb} {name}: {len(request.prompts)} {request.what}{before}{limit}"


def _is_open(job: Mapping[str, Any]) -> bool:
    kept = read_outputs(Path(job["output"]))
    return kept.nll is None or (job["drift"] and kept.drift is None)


def _arm(request: Request, kept: Outputs) -> Arm:
    nothing = Answer("", [], "stop", 0.0)
    outputs = tuple(
        _output(prompt, kept.answers.get(i, nothing), (kept.nll or [])[i])
        for i, prompt in enumerate(request.prompts)
    )
    return Arm(
        outputs,
        kept.seconds,
        kept.peak_memory,
        kept.adapter_changed,
        kept.drift or (),
        one_by_one=kept.largest_batch <= 1,
    )


def _output(prompt: Prompt, answer: Answer, nll: float | None) -> Output:
    return Output(
        text=answer.text,
        tokens=len(answer.token_ids) + (answer.finish == "stop"),
        finish="stop" if answer.finish == "stop" else "length",
        nll=nll,
        target_tokens=len(prompt.ids) - prompt.offset,
        target_bytes=len(prompt.target.encode("utf-8", "surrogatepass")),
        prompt_tokens=prompt.offset,
        decode_seconds=answer.decode_seconds,
        token_ids=tuple(answer.token_ids),
    )
