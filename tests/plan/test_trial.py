"""The steps to measure: the real child, on the batches that it is thought to train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mlxr.events import Event, Silent, Trained
from mlxr.plan import trial
from mlxr.plan.trial import LEAST
from mlxr.plan.workload import Batch, workload
from mlxr.recipe import load
from mlxr.train.stage import plan
from mlxr.workspace import Workspace
from plan.test_forecast import rows
from train.runs import Run, Write, float_model, prepared


def test_the_child_trains_the_batches_that_the_laps_are_booked_on(
    mlxr: Run, write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = float_model(tmp_path / "model")
    settings = {"grad_accumulation_steps": 4, "iters": 8, "early_stopping_patience": 1}
    recipe = prepared(mlxr, write_recipe(rows(60), model=model, **settings))
    planned = plan(load(recipe), Workspace(tmp_path))
    pairs: list[tuple[int, int]] = []
    take = trial._take

    def taken(found: trial.Timing, event: Event, seconds: float, turns: Sequence[Batch]) -> None:
        if isinstance(event, Trained):
            pairs.append((event.target_tokens, turns[event.iteration - 1].targets))
        take(found, event, seconds, turns)

    monkeypatch.setattr(trial, "_take", taken)
    monkeypatch.setattr(trial, "ENOUGH", 0.0)
    (tmp_path / "apart").mkdir()
    burden = workload(planned)
    heaviest = max(burden.batches, key=lambda batch: batch.inputs)
    found = trial.run(planned, burden, heaviest, tmp_path / "apart", Silent())
    assert len(pairs) == LEAST * 3, "three batches, each as often as it must be"
    assert all(trained == booked for trained, booked in pairs)
    assert len({trained for trained, _ in pairs}) > 1
    assert found.ended is None
    assert len(found.laps) == len(pairs) - 1
    assert len(found.validations) == 2
    assert len(found.saves) == 1
    assert found.peak > 0
    assert not (tmp_path / "adapters").exists()
