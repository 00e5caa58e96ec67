"""The child of --bench: base and tuned answer the same prompts in turns, and are timed.

    python -m mlxr.compare.stopwatch FD SETTINGS

Both are in one process, so that they share whatever else the machine does; which of them goes
first changes from answer to answer, so that a machine that grows hot slows both alike.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mlxr.ending import leave_with_mlxr
from mlxr.events import Generated, Pipe, reporting
from mlxr.files import read_jsonl, write_jsonl
from mlxr.loaded import ARMS, ArmName, Arms

WARM_UP = 2
"""Answers of each arm that are not counted: a first one prepares what the others use."""


@dataclass(frozen=True)
class Settings:
    """Who is timed, and on what."""

    model: str
    adapter: str
    """Adapter folder."""
    trust_remote_code: bool
    prompts: str
    """JSON Lines: {"ids": prompt tokens}."""
    output: str
    """The file of the laps."""
    max_tokens: int
    rounds: int
    """How often each prompt is answered by each arm."""


@dataclass(frozen=True)
class Lap:
    """One answer, as mlx_lm has timed it."""

    arm: ArmName
    place: int
    """Which prompt."""
    prompt_tokens: int
    tokens: int
    """Written, an end token among them."""
    first_seconds: float
    """Reading the prompt and writing the first token."""
    decode_seconds: float
    """From the first token to the last."""


def main(descriptor: int, settings: Settings) -> None:
    """Time both arms as `settings` say, reporting to `descriptor`."""
    with reporting(descriptor) as pipe:
        write_jsonl(Path(settings.output), map(asdict, time_both(settings, pipe)))


def time_both(settings: Settings, pipe: Pipe) -> list[Lap]:
    """Return the laps in order."""
    trusted = settings.trust_remote_code
    arms = Arms(settings.model, settings.adapter, trust_remote_code=trusted)
    prompts = [list(map(int, row["ids"])) for row in read_jsonl(Path(settings.prompts))]
    for arm, place in turns(WARM_UP, 1):
        _lap(arms, arm, place % len(prompts), prompts, settings.max_tokens)
    laps: list[Lap] = []
    for arm, place in turns(len(prompts), settings.rounds):
        laps.append(_lap(arms, arm, place, prompts, settings.max_tokens))
        count = len(ARMS) * len(prompts) * settings.rounds
        pipe.send(Generated(len(laps), count, sum(lap.tokens for lap in laps)))
    return laps


def turns(prompts: int, rounds: int) -> Iterator[tuple[ArmName, int]]:
    """Yield who answers which prompt, in order: base first, then tuned first, and so on."""
    for number in range(rounds):
        for place in range(prompts):
            first = (number + place) % 2
            yield ARMS[first], place
            yield ARMS[1 - first], place


def _lap(arms: Arms, arm: ArmName, place: int, prompts: list[list[int]], max_tokens: int) -> Lap:
    from mlx_lm import stream_generate

    model = arms.use(arm)
    told = stream_generate(model, arms.tokenizer, prompts[place], max_tokens=max_tokens)
    last = deque(told, maxlen=1).pop()
    return Lap(
        arm,
        place,
        last.prompt_tokens,
        last.generation_tokens,
        last.prompt_tokens / last.prompt_tps,
        last.generation_tokens / last.generation_tps,
    )


if __name__ == "__main__":
    leave_with_mlxr()
    main(int(sys.argv[1]), Settings(**json.loads(sys.argv[2])))
