"""Children: real ones, with real signals."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from mlxr import blas
from mlxr.errors import MlxrError
from mlxr.events import Step
from mlxr.files import held
from mlxr.process import Child, awake, tail

CHILD = """
import os, signal, sys, time
from mlxr.events import Pipe, Step
pipe = Pipe(int(sys.argv[1]))
"""


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return a function that starts a child running some code, logging to tmp_path/log."""

    def start(code: str, *, hears: bool = False) -> Child:
        (tmp_path / "sample_child.py").write_text(CHILD + dedent(code))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
        return Child("sample_child", [], tmp_path / "log", hears=hears)

    return start


def test_events_come_through_and_output_goes_to_the_log(start: object, tmp_path: Path) -> None:
    with start("pipe.send(Step('ünï')); print('to the log'); pipe.send(Step('b'))") as child:  # type: ignore[operator]
        assert list(child.events()) == [Step("ünï"), Step("b")]
        assert child.wait().code == 0
    assert (tmp_path / "log").read_text() == "to the log\n"


def test_exit_code_and_last_words_of_a_failure(start: object) -> None:
    with start("print('\\x1b[31mearlier\\x1b[0m'); raise ValueError('no such thing')") as child:  # type: ignore[operator]
        assert list(child.events()) == []
        ended = child.wait()
    assert ended.code == 1
    assert ended.signal == ""
    assert ended.tail.splitlines()[0] == "earlier"
    assert ended.tail.splitlines()[-1] == "ValueError: no such thing"


def test_a_killed_child_names_the_signal(start: object) -> None:
    with start("os.kill(os.getpid(), signal.SIGKILL)") as child:  # type: ignore[operator]
        assert child.wait().signal == "SIGKILL"


def test_interrupt_lets_the_child_save(start: object) -> None:
    code = """
    def save(*_):
        pipe.send(Step('saved'))
        sys.exit(0)
    signal.signal(signal.SIGINT, save)
    pipe.send(Step('ready'))
    signal.pause()
    """
    with start(code) as child:  # type: ignore[operator]
        events = child.events()
        assert next(events) == Step("ready")
        child.interrupt()
        assert list(events) == [Step("saved")]
        assert child.wait().code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="pidfd")
def test_leaving_the_block_ends_a_child_and_its_own_children(start: object) -> None:
    code = """
    pid = os.fork()
    if pid:
        pipe.send(Step(str(pid)))
    signal.pause()
    """
    with start(code) as child:  # type: ignore[operator]
        event = next(child.events())
        assert isinstance(event, Step)
    grandchild = int(event.text)
    assert not _runs(grandchild)


def _runs(pid: int) -> bool:
    """Tell whether a process still runs after some seconds; pidfd says when it ends."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    ended, _, _ = select.select([descriptor], [], [], 20)
    os.close(descriptor)
    return not ended


def test_the_child_notices_that_its_reader_is_gone(start: object, tmp_path: Path) -> None:
    code = """
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    while not pipe.broken:
        pipe.send(Step('.'))
    open('gone', 'w').close()
    """
    os.chdir(tmp_path)
    child = start(code)  # type: ignore[operator]
    child._pipe.close()
    assert child.wait().code == 0
    assert (tmp_path / "gone").exists()


def test_a_child_that_hears_is_told_values_until_it_has_ended(start: object) -> None:
    code = """
    for line in sys.stdin:
        pipe.send(Step(line))
        break
    """
    with start(code, hears=True) as child:  # type: ignore[operator]
        child.tell({"ünï": "a\nb"})
        assert list(child.events()) == [Step('{"\\u00fcn\\u00ef": "a\\nb"}\n')]
        child.tell("nobody hears this")
        child.tell("nor this")
        assert child.wait().code == 0


def test_asking_twice_in_different_blocks_asks_twice(start: object) -> None:
    code = """
    signal.signal(signal.SIGINT, lambda *_: pipe.send(Step('asked')))
    pipe.send(Step('ready'))
    while True:
        signal.pause()
    """
    with start(code) as child:  # type: ignore[operator]
        events = child.events()
        assert next(events) == Step("ready")
        for _ in range(2):
            with child.interruptible([signal.SIGINT]):
                assert not child.asked
                os.kill(os.getpid(), signal.SIGINT)
                assert next(events) == Step("asked")
                assert child.asked


def test_tail_of_a_missing_log_is_empty(tmp_path: Path) -> None:
    assert tail(tmp_path / "none") == ""


@pytest.mark.skipif(not blas.wanted(), reason="only MLX's CPU build for Linux runs g++")
def test_children_do_not_compile_kernels_first_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlxr.process import environment

    monkeypatch.delenv("MLX_DISABLE_COMPILE", raising=False)
    assert environment()["MLX_DISABLE_COMPILE"] == "1"
    monkeypatch.setenv("MLX_DISABLE_COMPILE", "0")
    assert "MLX_DISABLE_COMPILE" not in environment()


def test_a_mac_is_kept_awake_until_the_child_ends() -> None:
    assert awake(123, "darwin") == ["caffeinate", "-i", "-w", "123"]
    assert awake(123, "linux") == []


def test_a_log_has_one_child_at_a_time(start: object, tmp_path: Path) -> None:
    with (
        start("signal.pause()"),  # type: ignore[operator]
        pytest.raises(MlxrError, match="Another mlxr is at work in"),
    ):
        start("pass")  # type: ignore[operator]
    assert not held(tmp_path / "log")
    with start("pass") as child:  # type: ignore[operator]
        assert child.wait().code == 0


def test_an_answer_is_a_line_or_nothing() -> None:
    from mlxr.process import answer

    assert answer(sys.executable, "-c", "print('yes ')") == "yes"
    assert answer(sys.executable, "-c", "import sys; print('no'); sys.exit(1)") == ""
    assert answer("no-such-command-anywhere") == ""
