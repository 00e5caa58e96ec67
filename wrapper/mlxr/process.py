"""Starting, following and stopping the children in which mlx_lm runs.

A child is `python -m <module> <arguments>` in a session of its own, so that Ctrl-C reaches
only mlxr, which then asks the child to end. Its stdout and stderr go untouched to a log; its
events come as JSON lines through a pipe whose descriptor is the child's first argument.
The only importer of subprocess.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from mlxr import blas
from mlxr.errors import MlxrError
from mlxr.events import Event, from_json
from mlxr.files import hold

GRACE = 30.0
"""Seconds a child has to save and end after being asked to."""
TERMINATE = 5.0
"""Seconds it has after SIGTERM, before SIGKILL."""


def environment() -> dict[str, str]:
    """Return the environment of a child.

    UTF-8 whatever the locale (mlx_lm dies of ASCII), no buffering, no wrapped lines in the
    log. On Linux, MLX's CPU build would compile each fused kernel with g++ first, some 20 s
    for a gain that short runs never see, so it is told not to unless the user says otherwise;
    and an installed OpenBLAS takes the place of its slow BLAS.
    """
    env = os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    if sys.platform == "linux":
        env.setdefault("MLX_DISABLE_COMPILE", "1")
    return env | blas.preload(env)


def awake(pid: int, platform: str = sys.platform) -> list[str]:
    """Return the command that keeps a Mac from sleeping until process `pid` ends; [] elsewhere.

    The display may sleep (man caffeinate: -i prevents idle sleep, -w waits for a process).
    """
    return ["caffeinate", "-i", "-w", str(pid)] if platform == "darwin" else []


@dataclass(frozen=True)
class Exit:
    """How a child ended: exit code (negative: the signal that killed it) and last words."""

    code: int
    tail: str

    @property
    def signal(self) -> str:
        """Name of the signal that killed it, or ""."""
        return signal.Signals(-self.code).name if self.code < 0 else ""


class Child:
    """A running child. Leaving its `with` block ends it, whatever happened."""

    def __init__(self, module: str, arguments: Sequence[str], log: Path) -> None:
        """Start `python -m module`, which owns `log` until its end.

        Raises MlxrError when another mlxr's child owns it.
        """
        self._log = log
        self.asked = False
        self._output = log.open("ab")
        if not hold(self._output):
            self._output.close()
            raise MlxrError(f"Another mlxr is at work in {log.parent}.", "Wait until it has ended.")
        read, write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(write), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                env=environment(),
                pass_fds=(write,),
                start_new_session=True,
            )
        except BaseException:
            os.close(read)
            self._output.close()
            raise
        finally:
            os.close(write)
        self._pipe = open(read, encoding="utf-8")  # noqa: SIM115, PTH123 - closed by __exit__

    def stay_awake(self) -> None:
        """Keep the machine from sleeping while the child runs, where that is needed."""
        command = awake(self._process.pid)
        if command:
            with suppress(OSError):  # then the machine may sleep, and the training waits
                subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def __enter__(self) -> Self:
        """Return the child."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what still runs."""
        self.kill()
        self._pipe.close()
        self._output.close()

    def events(self) -> Iterator[Event]:
        """Yield what the child reports, until it ends."""
        for line in self._pipe:
            if line.endswith("\n"):  # one that was killed may leave half a line
                yield from_json(json.loads(line))

    def interrupt(self) -> None:
        """Ask the child to save and end."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within the block the first Ctrl-C (or SIGTERM) asks the child to save and end.

        The second raises KeyboardInterrupt. `asked` tells whether there was a first.
        """

        def handle(*_: object) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True
            self.interrupt()

        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread can have signal handlers
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        former = [signal.signal(number, handle) for number in signals]
        try:
            yield
        finally:
            for number, handler in zip(signals, former, strict=True):
                signal.signal(number, handler)

    def kill(self) -> None:
        """End the child and whatever it started: SIGTERM, then SIGKILL."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(TERMINATE)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        self._process.wait()

    def wait(self) -> Exit:
        """Return how the child ended, giving it GRACE seconds after its last event."""
        try:
            code = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.returncode
        return Exit(code, tail(self._log))

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, without colour codes."""
    import re

    text = log.read_bytes()[-20_000:].decode("utf-8", "replace") if log.is_file() else ""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return "\n".join(line.rstrip() for line in plain.splitlines()[-lines:] if line.strip())
