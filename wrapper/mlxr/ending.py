"""How processes end: mlxr where it is told to, and a child with its mlxr."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def terminable() -> Iterator[None]:
    """Within the block SIGTERM, and the end of the terminal, are a Ctrl-C: things are cleared up.

    Only the first: the next must not interrupt the clearing. One that is ignored (nohup) stays so.
    """
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]

    def handle(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    with handling(numbers, handle):
        yield


@contextmanager
def handling(numbers: Sequence[signal.Signals], handle: Callable[..., None]) -> Iterator[None]:
    """Within the block `handle` these signals; only the main thread can, elsewhere nobody does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, former, strict=True):
            signal.signal(number, handler)


def leave_with_mlxr() -> None:
    """End this process as soon as mlxr is gone, however it went: nobody waits for it then.

    A thread reads stdin, which a child that `hears` has from mlxr, and which ends with it. What
    the child computes meanwhile may report nothing for minutes, so its events cannot tell.
    """
    threading.Thread(target=_leave, daemon=True).start()


def _leave() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)
