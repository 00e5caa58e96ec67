"""An export that is ended from outside, with real processes and real signals."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.usefixtures("run"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and waits with pidfd"),
]


@contextmanager
def exporting(*options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start `mlxr export`, wait until its child begins, and yield both: it and a pidfd."""
    command = [sys.executable, "-m", "mlxr", "export", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "Fusing the adapter" in line:
                break
        else:
            pytest.fail("it never got to fusing")
        child = os.pidfd_open(_child(process.pid))
        try:
            yield process, child
        finally:
            process.kill()
            os.close(child)


def _child(parent: int) -> int:
    """Return the export child of a process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            above = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"mlxr.export.child" in command and above == parent:
            return int(folder.name)
    pytest.fail("there is no child")


def _ends(child: int) -> bool:
    return bool(select.select([child], [], [], 30)[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_is_ended_leaves_nothing(number: signal.Signals) -> None:
    with exporting() as (process, child):
        process.send_signal(number)
        assert process.wait(timeout=30) == 130
        assert _ends(child)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert list(Path("exports").iterdir()) == []


def test_the_child_of_a_killed_mlxr_ends_before_its_work_is_done() -> None:
    with exporting() as (process, child):
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        assert _ends(child)
    [left] = Path("exports").iterdir()
    assert {path.name for path in left.iterdir()} == {"rows.jsonl"}
    again = [sys.executable, "-m", "mlxr", "export", "--as", "mlx", "--quiet"]
    assert subprocess.run(again, check=False).returncode == 0
    assert [path.name for path in Path("exports").iterdir()] == ["r-0001-mlx"]
