"""Looking on at a run from elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlxr.events import Ended, Event, Note, Step, to_json
from mlxr.train.watch import follow
from train.runs import BEGUN, Run, Write, prepared, started


def line(event: Event) -> str:
    return json.dumps(to_json(event)) + "\n"


def test_events_are_followed_while_they_are_written(tmp_path: Path) -> None:
    """Each look finds more: half a line, its rest, then the last words of one that has ended."""
    file = tmp_path / "events.jsonl"
    begun = line(Step("one")) + line(Step("two"))
    looks = iter(["", begun[:-9], begun[-9:], line(Note("last"))])

    def growing() -> bool:
        with file.open("a") as stream:
            stream.write(next(looks))
        return file.read_text() != begun + line(Note("last"))

    assert list(follow(file, growing)) == [Step("one"), Step("two"), Note("last")]
    assert list(follow(file, lambda: False, len(begun))) == [Note("last")]
    assert list(follow(tmp_path / "none.jsonl", lambda: False)) == []


def test_following_ends_with_the_training_though_its_process_lingers(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(line(Ended("done", 4)))
    assert list(follow(file, lambda: True)) == [Ended("done", 4)]


def test_a_finished_run_is_shown_again_line_by_line(mlxr: Run, write_recipe: Write) -> None:
    recipe = prepared(mlxr, write_recipe(iters=4, steps_per_eval=2, steps_per_report=2))
    trained = mlxr("train", recipe)
    assert trained.code == 0, trained.err
    for what in ([], ["r/0001"], [recipe]):
        ran = mlxr("watch", *what)
        assert ran.code == 0, ran.err
        assert ran.out == "r/0001: Trained to its end.\nadapters/r/0001\n"
        told = ran.err.splitlines()
        assert told[0] == "Replaying run r/0001"
        assert told[1:] == trained.err.splitlines()[1 : len(told)]
        assert [text.split()[0] for text in told[2:]] == ["0", "2", "2", "4", "4"]
    document = json.loads(mlxr("watch", "--json").out)
    assert (document["run"], document["status"]) == ("r/0001", "done")


def test_no_run_is_said(mlxr: Run) -> None:
    ran = mlxr("watch")
    assert (ran.code, ran.err.splitlines()[0]) == (1, "error: There is no run here yet.")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_watcher_ends_with_the_run_and_ctrl_c_ends_only_the_watcher(
    mlxr: Run, write_recipe: Write
) -> None:
    recipe = write_recipe(iters=5000, steps_per_eval=2, save_every=10_000)
    assert mlxr("prep", recipe).code == 0
    command = [sys.executable, "-m", "mlxr", "watch"]
    with started("train", recipe, until=BEGUN) as process:
        watchers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for watcher in watchers:
            assert watcher.stderr is not None
            assert watcher.stderr.readline() == "Watching run r/0001\n"
            assert "5,000 iterations" in watcher.stderr.readline()
        watchers[0].send_signal(signal.SIGINT)
        _, said = watchers[0].communicate(timeout=60)
        assert watchers[0].returncode == 130
        assert "Traceback" not in said
        assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        out, _ = watchers[1].communicate(timeout=60)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert watchers[1].returncode == 0
    assert out.startswith("r/0001: Interrupted and saved.")
