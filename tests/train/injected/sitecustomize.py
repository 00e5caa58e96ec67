"""Faults for a real training child: Python imports this by itself where it is on the path.

FAULT=<what>@<n>: at the n-th optimizer update; for "save" at the n-th file of weights, for
"validate" at the n-th validation, for "early" before all. FAULT=<what>@<n>@<rank>: only on that
one of several ranks.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

METAL = (
    "libc++abi: terminating due to uncaught exception of type std::runtime_error: [METAL] Command"
    " buffer execution failed: Insufficient Memory"
    " (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)\n"
)


def _memory() -> None:
    sys.stderr.write(METAL)
    sys.stderr.flush()
    os.abort()


def _raise() -> None:
    raise RuntimeError("something broke inside")


FAULTS: dict[str, Callable[[], Any]] = {
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT),
    "terminate": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "hangup": lambda: os.kill(os.getpid(), signal.SIGHUP),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "orphan": lambda: os.kill(os.getppid(), signal.SIGKILL),
    "validate": lambda: os.kill(os.getpid(), signal.SIGINT),
    "memory": _memory,
    "raise": _raise,
    "save": _raise,
}


def _after(count: int, call: Callable[..., Any], fault: Callable[[], Any]) -> Callable[..., Any]:
    calls = 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count:
            fault()
        return call(*arguments, **named)

    return counted


def _inject(what: str, count: int) -> None:
    import mlx.core as mx
    from mlx.optimizers import Optimizer

    place: Any
    place, name = Optimizer, "update"
    if what == "save":
        place, name = mx, "save_safetensors"
    if what == "validate":
        from mlx_lm.tuner import trainer

        place, name = trainer, "evaluate"
    setattr(place, name, _after(count, getattr(place, name), FAULTS[what]))


def _early() -> None:
    """Have mlxr interrupted while this child has not begun to listen: Python's own way is open."""
    time.sleep(1)  # mlxr follows by then
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(20)


if "FAULT" in os.environ and "mlxr.train.child" in sys.orig_argv:
    _what, _count, *_rank = os.environ["FAULT"].split("@")
    if _what == "early":
        _early()
    elif not _rank or _rank == [os.environ.get("MLX_RANK")]:
        _inject(_what, int(_count))
