"""The compare child: one arm in one process.

    python -m mlxr.compare.child FD SETTINGS

Reads the prompts as token ids, so that both arms consume the very same; answers them greedily
and measures the likelihood of the expected answers. What an earlier child was interrupted in is
gone on with. One process an arm, because MLX's peak
memory counts for the whole process and never falls.
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.compare.outputs import Answer, append_batch, append_nll, read_outputs
from mlxr.events import Ended, Generated, Pipe, Step
from mlxr.files import read_jsonl


@dataclass(frozen=True)
class Settings:
    """What an arm is and what it is asked."""

    model: str
    adapter: str | None
    """Adapter folder, or None for the base."""
    samples: str
    """JSON Lines: {"ids": prompt and answer tokens, "offset": length of the prompt}."""
    output: str
    """The file of outputs, which may hold some already."""
    max_tokens: int
    batch_size: int
    trust_remote_code: bool


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
    mx.reset_peak_memory()
    prompts = [row[:offset] for row, offset in zip(ids, offsets, strict=True)]
    _generate(model, tokenizer, prompts, settings, pipe)
    pipe.send(Step("Measuring the likelihood of the expected answers"))
    nll = target_nll(model, ids, offsets, settings.batch_size)
    finite = [value if math.isfinite(value) else None for value in nll]
    moved = _lora_b_moved(model) if settings.adapter else None
    append_nll(Path(settings.output), finite, moved)


def _generate(
    model: Any, tokenizer: Any, prompts: list[list[int]], settings: Settings, pipe: Pipe
) -> None:
    """Answer what the file of outputs does not answer yet, and add it there batch by batch."""
    import mlx.core as mx

    from mlxr.compare.generate import answers, batch_plan, can_batch

    path = Path(settings.output)
    before = read_outputs(path)
    done, tokens = len(before.answers), before.tokens
    together = can_batch(model, prompts)
    plan = batch_plan([len(p) for p in prompts], settings.batch_size if together else 1)
    left = [batch for batch in plan if batch[0] not in before.answers]
    limit = settings.max_tokens
    for batch in answers(model, tokenizer, prompts, left, limit, together=together):
        made = [
            Answer(tokenizer.decode(each.token_ids), each.token_ids, each.finish,
                   each.decode_seconds)
            for each in batch.answers
        ]  # fmt: skip
        append_batch(path, batch.places, made, batch.seconds, mx.get_peak_memory() / 1e9)
        done, tokens = done + len(made), tokens + sum(len(each.token_ids) for each in made)
        pipe.send(Generated(done, len(prompts), tokens))


def _lora_b_moved(model: Any) -> bool:
    """Tell whether any low-rank update differs from its zero start."""
    from mlx.utils import tree_flatten

    parameters = tree_flatten(model.parameters())
    return any(bool((v != 0).any().item()) for k, v in parameters if k.endswith("lora_b"))


if __name__ == "__main__":
    main(int(sys.argv[1]), Settings(**json.loads(sys.argv[2])))
