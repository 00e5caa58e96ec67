"""The compare child: one arm in one process.

    python -m mlxr.compare.child FD SETTINGS

Reads the prompts as token ids, so that both arms consume the very same; answers them greedily
and measures the likelihood of the expected answers. One process an arm, because MLX's peak
memory counts for the whole process and never falls.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlxr.events import Ended, Generated, Pipe, Step
from mlxr.files import read_jsonl, write_json


@dataclass(frozen=True)
class Settings:
    """What an arm is and what it is asked."""

    model: str
    adapter: str | None
    """Adapter folder, or None for the base."""
    samples: str
    """JSON Lines: {"ids": prompt and answer tokens, "offset": length of the prompt}."""
    output: str
    """Where the answers go: one JSON document, see `Answers`."""
    max_tokens: int
    batch_size: int
    trust_remote_code: bool


@dataclass(frozen=True)
class Answer:
    """One sample's answer and the likelihood of the expected one."""

    text: str
    token_ids: list[int]
    """Without the end-of-turn token."""
    finish: str
    """stop or length."""
    decode_seconds: float
    """From the first token to the last, other samples of the batch running beside it."""
    nll: float | None
    """Of the expected answer, summed over its tokens, in nats; None if not finite."""
    target_tokens: int


def main(descriptor: int, settings: Settings) -> None:
    """Answer and measure as `settings` say, reporting to `descriptor`."""
    pipe = Pipe(descriptor)
    try:
        _arm(settings, pipe)
    except Exception as error:
        pipe.send(Ended("error", 0, f"{type(error).__name__}: {error}"))
        raise
    pipe.send(Ended("done", 0))


def _arm(settings: Settings, pipe: Pipe) -> None:
    import mlx.core as mx
    from mlx_lm import load

    from mlxr.compare.generate import answers
    from mlxr.compare.likelihood import target_nll

    samples = list(read_jsonl(Path(settings.samples)))
    ids = [list(map(int, sample["ids"])) for sample in samples]
    offsets = [int(sample["offset"]) for sample in samples]
    model, tokenizer = load(
        settings.model,
        adapter_path=settings.adapter,
        tokenizer_config={"trust_remote_code": settings.trust_remote_code},
        trust_remote_code=settings.trust_remote_code,
    )
    prompts = [row[:offset] for row, offset in zip(ids, offsets, strict=True)]
    mx.reset_peak_memory()
    generated = answers(
        model, tokenizer, prompts, settings.max_tokens, settings.batch_size,
        lambda done, tokens: pipe.send(Generated(done, len(prompts), tokens)),
    )  # fmt: skip
    peak = mx.get_peak_memory()
    pipe.send(Step("Measuring the likelihood of the expected answers"))
    nll = target_nll(model, ids, offsets, settings.batch_size)
    write_json(
        Path(settings.output),
        {
            "answers": [
                asdict(
                    Answer(
                        text=tokenizer.decode(answer.token_ids),
                        token_ids=answer.token_ids,
                        finish=answer.finish,
                        decode_seconds=answer.decode_seconds,
                        nll=nll[i] if math.isfinite(nll[i]) else None,
                        target_tokens=len(ids[i]) - offsets[i],
                    )
                )
                for i, answer in enumerate(generated.answers)
            ],
            "seconds": generated.seconds,
            "peak_memory": peak / 1e9,
            "adapter_changed": _lora_b_moved(model) if settings.adapter else None,
        },
    )


def _lora_b_moved(model: Any) -> bool:
    """Tell whether any low-rank update differs from its zero start."""
    from mlx.utils import tree_flatten

    parameters = tree_flatten(model.parameters())
    return any(bool((v != 0).any().item()) for k, v in parameters if k.endswith("lora_b"))


if __name__ == "__main__":
    main(int(sys.argv[1]), Settings(**json.loads(sys.argv[2])))
