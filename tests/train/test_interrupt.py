"""Ctrl-C and SIGTERM to mlxr, with real processes and real signals."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from mlxr.files import read_json
from train.runs import BEGUN, Run, Write, started


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_saved_and_goes_on(
    mlxr: Run, write_recipe: Write, tmp_path: Path, number: signal.Signals
) -> None:
    recipe = write_recipe(iters=400, steps_per_eval=2, save_every=1000)
    assert mlxr("prep", recipe).code == 0
    with started("train", recipe, until=BEGUN) as process:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted and saved" in out
    assert f"mlxr train {recipe} --resume" in err
    assert "Traceback" not in err
    run = tmp_path / "adapters/r/0001"
    record = read_json(run / "run.json")
    assert record["status"] == "interrupted"
    stopped = record["result"]["iterations"]
    assert (run / "checkpoints" / f"{stopped:07d}" / "state.json").is_file()
    assert (run / "adapters.safetensors").is_file()
    assert _children(process.pid) == []


def _children(parent: int) -> list[int]:
    """Return the training children that a process started and that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"mlxr.train.child" in command and int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(folder.name))
    return found


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
