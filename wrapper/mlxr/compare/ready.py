"""Can this run be judged on these data?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.compare.record import Record
from mlxr.compare.report.charts import loss_curve
from mlxr.errors import MlxrError
from mlxr.files import read_jsonl, reading
from mlxr.manifest import Manifest, read_findings, read_manifest
from mlxr.recipe import Recipe, revive, typed
from mlxr.trained import check_weights
from mlxr.workspace import Adapter, Prepared, Workspace


@dataclass(frozen=True)
class Ready:
    """An adapter that can be judged on its run's data."""

    adapter: Adapter
    record: Mapping[str, Any]
    """What run.json says."""
    recipe: Recipe
    """As the run has it."""
    prepared: Prepared
    manifest: Manifest
    findings: Sequence[Mapping[str, Any]]
    """What the audit of the data found."""
    loss_curve: Mapping[str, Any]
    """Of the training."""

    def train(self) -> list[Record]:
        """Return the training records."""
        return list(read_jsonl(self.prepared.split("train")))


def ready(adapter: Adapter, workspace: Workspace, split: str = "test") -> Ready:
    """Return what an adapter is judged on.

    Raises MlxrError when its run is unfinished, its data are gone or changed, or the split has
    no prompts to answer.
    """
    record = adapter.run.read_record()
    recipe, path = revive(record, adapter.run.record), Path(record["recipe_path"])
    prepared = workspace.prepared(recipe.name)
    manifest = read_manifest(prepared, recipe, typed(path, record.get("set", ())))
    check_run(adapter, record, manifest.sha256, path)
    check_answers(prepared, split)
    findings, events = read_findings(prepared), list(adapter.run.read_events())
    with reading(adapter.run.events):
        curve = loss_curve(events)
    return Ready(adapter, record, recipe, prepared, manifest, findings, curve)


def check_run(adapter: Adapter, record: Mapping[str, Any], data: str, path: Path) -> None:
    """Raise MlxrError when the run cannot be judged on these data."""
    run = adapter.run
    if "result" not in record:
        raise MlxrError(
            f"Run {run.name} has not ended (or was killed).",
            f"Wait for it, or go on with it: mlxr train {path} --resume",
        )
    check_weights(adapter, record, path)
    if record["data"]["sha256"] != data:
        raise MlxrError(
            f"The data of {run.folder.parent.name} were prepared anew since run {run.name} was"
            " trained: its training rows may now be test rows.",
            f"Train on the new data: mlxr train {path}",
        )


def check_answers(prepared: Prepared, split: str = "test") -> None:
    """Raise MlxrError where there are no prompts to answer."""
    if any("text" in row for row in read_jsonl(prepared.split(split))):
        raise MlxrError(
            f"{prepared.split(split)} is plain text: there is no prompt to answer, nor an answer.",
            "mlx_lm measures its loss: python -m mlx_lm lora --test",
        )
