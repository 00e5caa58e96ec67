"""The answers of one arm on disk, batch by batch: what is there is never generated again.

{"places": [4, 1], "answers": [{…}, {…}], "seconds": 1.5, "peak_memory": 0.3}    one line a batch
{"nll": […], "adapter_changed": true}                                             after all batches
{"drift": [{…}, {…}]}                                                             where asked for

The file is named by everything that an answer depends on, the batches among it: greedy decoding
can differ between batches where two tokens are nearly equal, so an arm that was interrupted goes
on with the batches it had planned, and its answers are those of one that was not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlxr.files import file_sha256, json_line, sha256
from mlxr.model import fingerprint, locate
from mlxr.provenance import versions

FORM = 1
"""Raised when what a line means changes, so that older files are no longer found."""


@dataclass(frozen=True)
class Answer:
    """One sample's answer."""

    text: str
    token_ids: list[int]
    """Without the end-of-turn token."""
    finish: str
    """stop or length."""
    decode_seconds: float
    """From the first token to the last, other samples of the batch running beside it."""


@dataclass(frozen=True)
class Drift:
    """How far a tuned model's answer to one prompt is from what its base would have written."""

    place: int
    """Which sample."""
    kl: float
    """KL(tuned ‖ base) over the whole vocabulary in nats, summed over the answer's tokens."""
    tokens: int
    """The answer's tokens, the end token among them."""


@dataclass
class Outputs:
    """What a file holds so far."""

    answers: dict[int, Answer] = field(default_factory=dict)
    seconds: float = 0.0
    peak_memory: float = 0.0
    """GB (10^9 bytes)."""
    largest_batch: int = 0
    """Most samples that were answered at once."""
    nll: list[float | None] | None = None
    """Of the expected answers in nats; None before it was measured, or one that is not finite."""
    adapter_changed: bool | None = None
    drift: tuple[Drift, ...] | None = None
    """None before it was measured."""

    @property
    def tokens(self) -> int:
        """Tokens of all answers, end-of-turn tokens left out."""
        return sum(len(answer.token_ids) for answer in self.answers.values())


def read_outputs(path: Path) -> Outputs:
    """Return what `path` holds, up to a line that is damaged, or was cut off while being written.

    From there on it is taken away: to be asked again costs only time.
    """
    found = Outputs()
    if not path.is_file():
        return found
    whole = 0
    with path.open("rb") as stream:
        for line in stream:
            if not line.endswith(b"\n"):
                break
            try:
                _take(found, json.loads(line))
            except (ValueError, KeyError, TypeError):
                break
            whole += len(line)
    os.truncate(path, whole)
    return found


def _take(found: Outputs, line: Mapping[str, Any]) -> None:
    if "drift" in line:
        found.drift = tuple(Drift(**each) for each in line["drift"])
        return
    if "nll" in line:
        found.nll, found.adapter_changed = line["nll"], line["adapter_changed"]
        return
    answers = [Answer(**each) for each in line["answers"]]
    found.answers |= dict(zip(line["places"], answers, strict=True))
    found.largest_batch = max(found.largest_batch, len(answers))
    found.seconds += line["seconds"]
    found.peak_memory = max(found.peak_memory, line["peak_memory"])


def append_batch(
    path: Path, places: Sequence[int], answers: Sequence[Answer], seconds: float, peak_memory: float
) -> None:
    """Add one batch to the file."""
    made = [asdict(answer) for answer in answers]
    _append(path, {"places": places, "answers": made, "seconds": seconds,
                   "peak_memory": peak_memory})  # fmt: skip


def append_nll(path: Path, nll: Sequence[float | None], adapter_changed: bool | None) -> None:
    """Add what was measured after all batches to the file."""
    _append(path, {"nll": nll, "adapter_changed": adapter_changed})


def append_drift(path: Path, drift: Sequence[Drift]) -> None:
    """Add how far the answers are from the base to the file."""
    _append(path, {"drift": [asdict(each) for each in drift]})


def _append(path: Path, line: object) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json_line(line) + "\n")


def outputs_key(
    model: str, adapter: Path | None, samples: Path, generation: Mapping[str, Any]
) -> str:
    """Return the name of an arm's file: a hash over all that its answers depend on.

    That is the model's files, the adapter's bytes, the tokens of prompts and expected answers
    (the bytes of `samples`), how answers are generated, and the versions of mlx and mlx-lm.
    """
    installed = versions()
    return sha256(
        {
            "form": FORM,
            "model": identity(model),
            "adapter": adapter and [file_sha256(adapter / name) for name in _ADAPTER],
            "samples": file_sha256(samples),
            "generation": dict(generation),
            "versions": [installed["mlx"], installed["mlx-lm"]],
        }
    )


_ADAPTER = ("adapters.safetensors", "adapter_config.json")


def identity(model: str) -> list[Any]:
    """Tell one model from another without reading gigabytes.

    A folder of the Hub's cache is named by its commit; of another, the weights' sizes and times
    of change tell.
    """
    folder = locate(model)
    weights = [] if folder.parent.name == "snapshots" else sorted(folder.glob("*.safetensors"))
    stats = [(path.name, path.stat()) for path in weights]
    return [folder.name, fingerprint(folder), [[n, s.st_size, s.st_mtime_ns] for n, s in stats]]
