"""What lies in a run's folder, also where a killed mlxr left it half written."""

from __future__ import annotations

from pathlib import Path

from mlxr.workspace import Run


def test_events_are_read_up_to_the_line_that_was_left_half_written(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert list(run.read_events()) == []
    run.events.write_bytes(b'{"event": "a"}\n{"event": "b"}\n{"event": "\xc3')
    assert [event["event"] for event in run.read_events()] == ["a", "b"]


def test_checkpoints_go_by_best_and_by_iteration(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert run.kept == {}
    for name in ("0000100", "0000020"):
        (run.checkpoints / name).mkdir(parents=True)
    assert list(run.kept) == ["20", "100"]
    run.best.mkdir()
    assert run.kept == {
        "best": run.best,
        "20": run.checkpoints / "0000020",
        "100": run.checkpoints / "0000100",
    }
