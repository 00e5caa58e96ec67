"""Starting, following and stopping the children in which mlx_lm runs.

A child is `python -m <module> <arguments>` in a session of its own, so that Ctrl-C reaches
only mlxr, which then asks the child to end. It may be several processes, the ranks of one
training, which begin, are asked and end together. Its stdout and stderr go untouched to a log; its
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
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mlxr import blas
from mlxr.ending import handling
from mlxr.errors import MlxrError
from mlxr.events import Display, Ended, Event, from_json
from mlxr.files import hold

GRACE = 30.0
"""Seconds a child has to save and end after being asked to."""
TERMINATE = 5.0
"""Seconds it has after SIGTERM, before SIGKILL."""


def environment() -> dict[str, str]:
    """Return the environment of a child.

    UTF-8 whatever the locale (mlx_lm dies of ASCII), no buffering, no wrapped lines in the
    log. MLX's CPU build for Linux would compile each fused kernel with g++ first, some 20 s
    for a gain that short runs never see, so it is told not to; whoever wants that says
    MLX_DISABLE_COMPILE=0, which MLX itself takes for yes like any other value. An installed
    OpenBLAS takes the place of its slow BLAS.
    """
    env = os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    if blas.wanted() and env.setdefault("MLX_DISABLE_COMPILE", "1") == "0":
        del env["MLX_DISABLE_COMPILE"]
    return env | blas.preload(env)


def awake(pid: int, platform: str = sys.platform) -> list[str]:
    """Return the command that keeps a Mac from sleeping until process `pid` ends; [] elsewhere.

    The display may sleep (man caffeinate: -i prevents idle sleep, -w waits for a process).
    """
    return ["caffeinate", "-i", "-w", str(pid)] if platform == "darwin" else []


def answer(*command: str) -> str:
    """Return what a command says, in a line; "" where it is not there, fails or takes long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


@dataclass(frozen=True)
class Exit:
    """How a child ended: exit code (negative: the signal that killed it) and last words."""

    code: int
    tail: str
    rank: int | None = None
    """Which of several ranks ended so first."""

    @property
    def signal(self) -> str:
        """Name of the signal that killed it, or ""."""
        return signal.Signals(-self.code).name if self.code < 0 else ""


class Child:
    """A running child. Leaving its `with` block ends it, whatever happened."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        log: Path,
        ranks: Sequence[Mapping[str, str]] = ({},),
        launcher: Sequence[str] = (),
        *,
        hears: bool = False,
    ) -> None:
        """Start `python -m module`, which owns `log` until its end, once for each of `ranks`.

        These are what is added to the environment; `launcher` is a command that starts what
        it is given. A child that `hears` gets what `tell` is given, and learns by the end of its
        stdin that mlxr is gone. Raises MlxrError when another mlxr's child owns the log.
        """
        self._log, self._launcher, self._hears = log, bool(launcher), hears
        self.asked = False
        self._output = log.open("ab")
        if not hold(self._output):
            self._output.close()
            raise MlxrError(f"Another mlxr is at work in {log.parent}.", "Wait until it has ended.")
        read, write = os.pipe()
        command = [*launcher, sys.executable, "-m", module, str(write), *arguments]
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            for rank in ranks:
                self._processes.append(self._start(command, rank, write))
        except BaseException:
            os.close(read)
            self.kill()
            self._output.close()
            raise
        finally:
            os.close(write)
        self._pipe = open(read, encoding="utf-8")  # noqa: SIM115, PTH123 - closed by __exit__
        self._failed: list[int] = []
        self._watchers = [
            threading.Thread(target=self._watch, args=(rank,), daemon=True)
            for rank in range(len(self._processes))
        ]
        for watcher in self._watchers:
            watcher.start()

    def _start(
        self, command: Sequence[str], rank: Mapping[str, str], descriptor: int
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            # mlx.launch looks again and again into a stdin that has ended.
            stdin=subprocess.PIPE if self._launcher or self._hears else subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=environment() | dict(rank),
            pass_fds=(descriptor,),
            start_new_session=True,
        )

    def _watch(self, rank: int) -> None:
        """End the other ranks when this one fails: they would wait for it for ever."""
        if self._processes[rank].wait():
            self._failed.append(rank)
            if len(self._processes) > 1:
                self.kill()

    def stay_awake(self) -> None:
        """Keep the machine from sleeping while the child runs, where that is needed."""
        command = awake(self._processes[0].pid)
        if command:
            with suppress(OSError):  # then the machine may sleep, and the training waits
                subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return any(process.poll() is None for process in self._processes)

    def __enter__(self) -> Self:
        """Return the child."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop what still runs."""
        self.kill()
        for process in self._processes:
            if process.stdin:
                with suppress(BrokenPipeError):  # it ended without hearing the last word
                    process.stdin.close()
        self._pipe.close()
        self._output.close()

    def events(self) -> Iterator[Event]:
        """Yield what the child reports, until it ends."""
        for line in self._pipe:
            if line.endswith("\n"):  # one that was killed may leave half a line
                yield from_json(json.loads(line))

    def tell(self, value: object) -> None:
        """Give a child that hears one value, as a line of JSON; one that has ended gets none."""
        stdin = self._processes[0].stdin
        if stdin:
            with suppress(BrokenPipeError):
                stdin.write(json.dumps(value).encode() + b"\n")
                stdin.flush()

    def interrupt(self) -> None:
        """Ask the child to save and end; what was launched by another is asked with it."""
        if self._launcher:
            self._signal(signal.SIGINT)
            return
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)

    @contextmanager
    def interruptible(
        self, signals: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
    ) -> Iterator[None]:
        """Within the block the first Ctrl-C (or SIGTERM) asks the child to end what it does.

        The second raises KeyboardInterrupt. `asked` tells whether there was a first.
        """
        self.asked = False

        def handle(*_: object) -> None:
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True
            self.interrupt()

        with handling(signals, handle):
            yield

    def kill(self) -> None:
        """End the child and whatever it started: SIGTERM, then SIGKILL."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + TERMINATE
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                process.wait()

    def wait(self) -> Exit:
        """Return how the child ended, giving it GRACE seconds after its last event."""
        deadline = time.monotonic() + GRACE
        for watcher in self._watchers:
            watcher.join(max(0.0, deadline - time.monotonic()))
        self.kill()
        several = len(self._processes) > 1
        rank = self._failed[0] if self._failed else 0
        code = self._processes[rank].returncode
        return Exit(code, tail(self._log), rank if several and code else None)

    def failure(self, what: str, message: str = "") -> MlxrError:
        """Return why it is gone: its last `message`, or how it ended; `what` goes first."""
        exit_ = self.wait()
        said = message or exit_.signal or f"code {exit_.code}"
        return MlxrError(f"{what}: {said}.", f"The whole log: {self._log}")

    def _signal(self, number: signal.Signals) -> None:
        """Signal those processes that still run, and what they started."""
        for process in self._processes:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)


def run_child(module: str, settings: object, log: Path, display: Display, failed: str) -> None:
    """Run a child, which may hear, to its end and show what it reports.

    Raises MlxrError, which begins with `failed`, when it does not end well.
    """
    ended: Ended | None = None
    with Child(module, [json.dumps(settings)], log, hears=True) as child:
        for event in child.events():
            if isinstance(event, Ended):
                ended = event
            else:
                display.show(event)
        if child.wait().code or ended is None or ended.reason != "done":
            raise child.failure(failed, ended.message if ended else "")


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, without colour codes."""
    import re

    text = log.read_bytes()[-20_000:].decode("utf-8", "replace") if log.is_file() else ""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return "\n".join(line.rstrip() for line in plain.splitlines()[-lines:] if line.strip())


def is_running(process: int) -> bool:
    """Tell whether another process has this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()
