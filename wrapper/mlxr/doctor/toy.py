"""A toy, prepared and trained for three steps by the real path, in a folder of its own."""

from __future__ import annotations

import math
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlxr import process
from mlxr.doctor.check import Check, Topic
from mlxr.errors import MlxrError
from mlxr.events import Display, Event, Silent, Started, Trained
from mlxr.prep.stage import prepare
from mlxr.recipe import load
from mlxr.train.stage import plan, train
from mlxr.units import byte_size
from mlxr.workspace import Workspace, shipped

RECIPE = shipped() / "recipes" / "demo" / "calendar.toml"
ROWS = 60
STEPS = 3
SLOW = 120.0
"""Seconds from which something is wrong: two shared cores take some ten."""


@dataclass(frozen=True)
class Toy:
    """How the toy's training went, and what MLX said of its memory."""

    losses: tuple[float | None, ...]
    """Of each step, in nats per token; None where that was no finite number."""
    seconds: float
    problem: str = ""
    hint: str = ""
    memory: float | None = None
    """Bytes that MLX may use, as it said itself."""
    system: str = ""
    wired: int | None = None
    """macOS: MiB to which the GPU's part of memory was set; 0 is the system's own choice."""


class _Watched(Silent):
    """A Display that remembers losses and memory."""

    def __init__(self) -> None:
        self.losses: list[float | None] = []
        self.memory: float | None = None

    def show(self, event: Event) -> None:
        """Remember what `event` tells."""
        if isinstance(event, Trained):
            self.losses.append(event.loss)
        elif isinstance(event, Started) and event.memory is not None:
            self.memory = event.memory * 1e9


def look(_: Workspace) -> Toy:
    """Train the toy and return how that went; Ctrl-C ends it, and mlxr with it."""
    began, seen = time.monotonic(), _Watched()
    problem, hint = "", ""
    try:
        with _folder() as folder:
            _train(Workspace(folder), seen)
    except MlxrError as error:
        problem, hint = error.message, error.hint
    except Exception as error:
        problem, hint = f"{type(error).__name__}: {error}", "mlxr demo"
    seconds = time.monotonic() - began
    wired = process.answer("sysctl", "-n", "iogpu.wired_limit_mb")
    limit = int(wired) if wired.isdigit() else None
    losses, system = tuple(seen.losses), platform.system()
    return Toy(losses, seconds, problem, hint, seen.memory, system, limit)


@contextmanager
def _folder() -> Iterator[Path]:
    """Yield a new folder; it goes again, unless something failed in it: a log may tell what."""
    folder, failed = Path(tempfile.mkdtemp(prefix="mlxr-doctor-")), False
    try:
        yield folder
    except Exception:
        failed = True
        raise
    finally:
        if not failed:
            shutil.rmtree(folder)


def _train(workspace: Workspace, display: Display) -> None:
    """Do what `mlxr prep` and `mlxr train` do, with the demo's model and some of its rows."""
    rows = shipped() / "data" / "demo" / "calendar" / "train.jsonl"
    given = {
        "name": "toy",
        "model": shipped() / "data" / "demo" / "model",
        "data.source": rows,
        "data.limit": ROWS,
        "data.splits": "{ train = 0.7, valid = 0.15, test = 0.15 }",
        "train.iters": STEPS,
        "train.val_batches": 1,
    }
    loaded = load(RECIPE, [f"{key}={value}" for key, value in given.items()])
    prepare(loaded.recipe, workspace, display)
    if train(plan(loaded, workspace), workspace, display).reason == "interrupted":
        raise KeyboardInterrupt


def toy(seen: Toy) -> Check:
    """Tell whether the toy was trained, by numbers that are numbers."""
    if seen.problem:
        return Check("training", "failed", f"a toy could not be trained: {seen.problem}", seen.hint)
    finite = [loss for loss in seen.losses if loss is not None and math.isfinite(loss)]
    if len(finite) < STEPS:
        found = f"a toy gave {len(finite)} losses in {STEPS} steps."
        return Check("training", "failed", found, "mlxr demo")
    found = f"a toy was prepared and trained for {STEPS} steps in {seen.seconds:.0f} s"
    found += f" (loss {finite[0]:.2f})."
    if seen.seconds > SLOW:
        return Check("training", "warning", f"{found} That is slow.", "Close what else computes.")
    return Check("training", "ok", found)


def metal(seen: Toy) -> Check | None:
    """Tell what part of memory the GPU of a Mac may use, and how that is changed."""
    if seen.system != "Darwin" or seen.memory is None:
        return None
    found = f"Metal recommends at most {byte_size(seen.memory)} for the GPU"
    if seen.wired:
        found += f", with iogpu.wired_limit_mb set to {seen.wired:,}."
        return Check("GPU memory", "ok", found)
    found += (
        "; for a model that needs more, sudo sysctl iogpu.wired_limit_mb=N lets it have N MB until"
        " the next start (less than the machine has)."
    )
    return Check("GPU memory", "ok", found)


TOPIC = Topic("training", look, (toy, metal))
