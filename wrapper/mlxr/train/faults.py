"""Why a training ended that should not have, in the user's words, with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from mlxr.errors import MlxrError
from mlxr.events import Ended
from mlxr.files import numbered_jsonl
from mlxr.process import Exit
from mlxr.recipe import Train, typed
from mlxr.workspace import Prepared, Run

Cause = Literal["memory", "disk", "killed", "error"]

SIGNS: dict[Cause, tuple[str, ...]] = {
    "memory": (
        "kIOGPUCommandBufferCallbackErrorOutOfMemory",
        "Insufficient Memory",
        "[malloc",  # MLX: [malloc] or [malloc_or_wait] Unable to allocate … bytes
        "Unable to allocate",
        "std::bad_alloc",
        "MemoryError",
        "out of memory",
    ),
    "disk": (
        "No space left on device",
        "Disk quota exceeded",
        "File too large",
        "[write] Unable to write",  # MLX, of whatever reason
    ),
}
"""What Metal, CUDA, MLX, Python and the system say."""

WATCHDOG = ("ErrorImpactingInteractivity", "ErrorTimeout")
"""What Metal says when one step held up the display for too long."""

FAILED = {"nonfinite", "memory", "disk", "killed", "error"}
"""Ends that are failures."""


def cause(words: str, signal: str = "") -> Cause:
    """Return why a child failed, from what it said and the signal that ended it."""
    for found, signs in SIGNS.items():
        if any(sign in words for sign in signs):
            return found
    return "killed" if signal in {"SIGKILL", "SIGTERM"} else "error"


def told(ended: Ended | None, exit_: Exit, iteration: int) -> Ended:
    """Return how a child ended: by its own word, else by what it left.

    Of several ranks the first to fail tells why; the first rank's word may be of its loss.
    """
    if ended is not None and ended.reason != "error":
        return ended
    if ended is not None and not exit_.rank:
        return replace(ended, reason=cause(ended.message), iteration=iteration)
    how = f"was ended by {exit_.signal}" if exit_.signal else f"ended with code {exit_.code}"
    lines = exit_.tail.splitlines()
    words = f"; its last words: {lines[-1]}" if lines else ""
    who = "mlx_lm" if exit_.rank is None else f"rank {exit_.rank} of mlx_lm"
    return Ended(cause(exit_.tail, exit_.signal), iteration, f"{who} {how}{words}")


def places(prepared: Prepared, lines: Sequence[int]) -> list[str]:
    """Return "rows.jsonl:17" for each given line of train.jsonl: where its row came from."""
    return list(_places(prepared.split("train"), set(lines))) if lines else []


def _places(train: Path, lines: set[int]) -> Iterator[str]:
    for number, record in numbered_jsonl(train):
        if number in lines:
            about = record.get("mlxr", {})
            yield f"{about.get('source', train.name)}:{about.get('row', number)}"


def failure(run: Run, record: dict[str, Any], train: Train) -> MlxrError:
    """Return what to say of a run that failed; `record` is its run.json."""
    result, path, given = record["result"], record["recipe_path"], record.get("set", ())
    message, again = result["message"], f"mlxr train {typed(path, given)}"
    less = with_less(lighter(train), path, given, "train")
    kept = " The last finite weights are kept in the run's folder." if run.adapter.is_file() else ""
    resume = f"mlxr train {path} --resume" if list(run.checkpoints.glob("*/state.json")) else again
    begin = f"Training stopped at iteration {result['iterations']}: {message}.{kept}"
    hints = {
        "nonfinite": "Look at those rows; then try a lower train.learning_rate"
        " (--set train.learning_rate=…).",
        "memory": f"To train with less memory, {less}",
        "disk": f"Make room where {run.folder} is, then: {resume}",
        "killed": f"To go on: {resume}",
        "error": f"The whole log: {run.log}",
    }
    text = {
        "nonfinite": f"Stopped at iteration {result['iterations']}: {message}. Rows in that batch:"
        f" {', '.join(result['rows'])}.{kept}",
        "memory": f"Memory ran out. {begin}",
        "disk": f"The disk is full. {begin}",
        "killed": f"{begin} The system does this when memory runs out; so may a person.",
        "error": begin,
    }
    if any(sign in message for sign in WATCHDOG):
        hints["error"] = (
            "One step took longer than macOS lets the display wait. Train with the display"
            f" asleep, or {less}"
        )
    if record["status"] == "killed":
        hints["killed"] += f"\nShould memory be short, {less}"
    return MlxrError(text[record["status"]], hints[record["status"]])


def lighter(train: Train) -> dict[str, int | bool]:
    """Return keys of [train] that make it need less memory, the cheapest that is left first.

    Halving the batch while doubling the accumulated batches leaves each update as it was.
    Recomputing activations costs time; shorter rows change what is learned.
    """
    if train.batch_size > 1:
        steps = train.grad_accumulation_steps * 2
        settings = {"batch_size": train.batch_size // 2, "grad_accumulation_steps": steps}
        return settings | ({"iters": train.iters * 2} if train.iters else {})
    if not train.grad_checkpoint:
        return {"grad_checkpoint": True}
    return {"max_seq_length": max(8, train.max_seq_length // 2)}


def with_less(
    settings: Mapping[str, Any], path: Path | str, given: Sequence[str], goal: str
) -> str:
    """Return how to set keys of [train] in a recipe and prepare it anew, up to `mlxr {goal}`.

    `given` is what --set overrides; the keys set are left out of it.
    """
    shown = {f"train.{key}": str(value).lower() for key, value in settings.items()}
    others = typed(path, [each for each in given if each.partition("=")[0].strip() not in shown])
    keys = ", ".join(f"{key} = {value}" for key, value in shown.items())
    return f"set {keys} in {path}, then: mlxr prep {others} && mlxr {goal} {others}"
