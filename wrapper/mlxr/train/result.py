"""What a training amounts to: told by its events, kept in run.json."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlxr import provenance
from mlxr.events import Ended, Event, Trained, Validated, from_json
from mlxr.files import file_sha256, reading, write_jsonl
from mlxr.manifest import Manifest
from mlxr.recipe import Loaded
from mlxr.workspace import Run


@dataclass(frozen=True)
class Training:
    """How a run ended."""

    run: Run
    recipe: Path
    reason: str
    iterations: int
    base_loss: float | None
    """Validation loss before training, in nats per target token."""
    best_loss: float | None
    best_iteration: int | None
    seconds: float
    peak_memory: float | None
    """GB (10^9 bytes)."""


@dataclass
class Figures:
    """What the events so far amount to."""

    iterations: int = 0
    train_loss: float | None = None
    base_loss: float | None = None
    best_loss: float | None = None
    best_iteration: int | None = None
    target_tokens: int = 0
    peak_memory: float | None = None
    seconds: float = 0.0

    def take(self, event: Event) -> None:
        """Add one event."""
        if isinstance(event, Trained):
            self.iterations, self.train_loss = event.iteration, event.loss
            self.peak_memory = max(self.peak_memory or 0.0, event.peak_memory)
            self.target_tokens += event.target_tokens
        elif isinstance(event, Validated):
            if event.iteration == 0:
                self.base_loss = event.loss
            if event.best:
                self.best_loss, self.best_iteration = event.loss, event.iteration
        if isinstance(event, Trained | Validated):
            self.seconds += event.seconds

    def result(self, run: Run, ended: Ended, rows: list[str]) -> dict[str, Any]:
        """Return the `result` of run.json; `rows` name the rows of a batch that failed."""
        digest = file_sha256(run.adapter) if run.adapter.is_file() else None
        return {
            **asdict(self),
            "message": ended.message,
            "rows": rows,
            "adapter_sha256": digest,
        }


def opening(loaded: Loaded, manifest: Manifest) -> dict[str, Any]:
    """Return run.json as it stands when a run begins."""
    return {
        "schema": "mlxr.run/1",
        "status": "running",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "recipe": loaded.recipe.model_dump(mode="json"),
        "recipe_path": str(loaded.path.resolve()),
        "set": list(loaded.overrides),
        "data": {"sha256": manifest.sha256, "files": dict(manifest.files)},
        "versions": provenance.versions(),
        "machine": provenance.machine(),
    }


def rewind(run: Run, iteration: int) -> Figures:
    """Drop from events.jsonl what came after `iteration`; return what the rest amounts to.

    A run that was killed may have got further than its newest checkpoint. What it did after
    it is done again, and told again.
    """
    events = list(run.read_events())
    with reading(run.events):
        kept = [
            event
            for event in events
            if event["event"] != "ended" and event.get("iteration", 0) <= iteration
        ]
        figures = _amount(kept)
    write_jsonl(run.events, kept)
    return figures


def so_far(run: Run) -> dict[str, Any]:
    """Return what the events of a run that has not ended amount to, as `result` in run.json."""
    events = list(run.read_events())
    with reading(run.events):
        return asdict(_amount(events))


def _amount(events: Iterable[dict[str, Any]]) -> Figures:
    figures = Figures()
    for event in events:
        figures.take(from_json(event))
    return figures
