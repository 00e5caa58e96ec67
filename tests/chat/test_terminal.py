"""`mlxr chat` at a real (pseudo) terminal: typing, Ctrl-C while it answers, leaving."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import MODEL
from mlxr.files import read_json
from trained_runs import make_run, sayings

ENDLESS = "{% for m in messages %}{{ m.content }}\n{% endfor %}"
PATIENCE = 60.0
"""Seconds to wait for what must come next; a machine may be busy."""
AGAIN = 3.0
"""Seconds after which Ctrl-C is pressed again at a line that is being typed.

Python's readline looks for signals only when its wait for the next key is interrupted. A Ctrl-C in
the moments between a key's echo and that wait is heeded at the next key, as at Python's own prompt.
"""


class Terminal:
    """A command in a pseudo terminal of its own."""

    def __init__(self, *command: str) -> None:
        self.pid, self._side = pty.fork()
        if not self.pid:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # tests that run with & ignore it
            os.environ |= {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "INPUTRC": os.devnull}
            os.execv(sys.executable, [sys.executable, "-m", "mlxr", *command])
        self.seen = ""
        self._read = 0

    def type(self, text: str) -> None:
        os.write(self._side, text.encode())

    def until(self, pattern: str) -> str:
        """Return what was shown since the last time, up to `pattern`."""
        while not (found := re.search(pattern, self.seen[self._read :])):
            if not self._more():
                pytest.fail(f"it ended, and no {pattern!r} in:\n{self.seen[-2000:]}")
        begin = self._read
        self._read += found.end()
        return self.seen[begin : self._read]

    def interrupt_typing(self) -> None:
        """Press Ctrl-C at a line that is being typed, until that line has ended."""
        begin = len(self.seen)
        for _ in range(int(PATIENCE / AGAIN)):
            self.type("\x03")
            until = time.monotonic() + AGAIN
            while self._readable(until - time.monotonic()):
                if not self._more() or "\n" in self.seen[begin:]:
                    return

    def _readable(self, seconds: float) -> bool:
        return bool(select.select([self._side], [], [], max(0.0, seconds))[0])

    def _more(self) -> bool:
        """Take what is shown next; return False when the command has ended."""
        if not self._readable(PATIENCE):
            pytest.fail(f"nothing more came after:\n{self.seen[-2000:]}")
        try:
            read = os.read(self._side, 65536)
        except OSError:  # Linux says so when the other side is closed
            return False
        self.seen += read.decode("utf-8", "replace")
        return bool(read)

    def code(self) -> int:
        """Return the exit code of the command, which is about to end."""
        while self._more():
            pass
        pid, self.pid = self.pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._side)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run whose model never stops: nothing it knows is an end."""
    root = tmp_path_factory.mktemp("endless")
    model = root / "model"
    shutil.copytree(MODEL, model)
    (model / "chat_template.jinja").write_text(ENDLESS)
    for name, change in (
        ("tokenizer_config.json", {"eos_token": None}),
        ("config.json", {"eos_token_id": None, "max_position_embeddings": 1_000_000}),
    ):
        path = model / name
        path.write_text(json.dumps(read_json(path) | change))
    top = 'allow = ["no-end-of-turn"]\n'
    make_run(root, sayings(60), model=model, top=top)
    return root


@pytest.fixture
def chat(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.chdir(root)
    terminal = Terminal("chat", "--max-tokens", "100000")
    try:
        terminal.until("> ")
        yield terminal
    finally:
        terminal.close()


def test_ctrl_c_stops_an_answer_and_comes_back_to_the_prompt(chat: Terminal, root: Path) -> None:
    chat.type("Say 7\n")
    chat.until(r"Say 7\r\n[\s\S]{60}")
    chat.type("\x03")
    assert "tokens/s" in chat.until(r"stopped[^>]*> ")
    chat.type("/both\n")
    chat.until(r"Both answer[^>]*> ")
    chat.type("Say 8\n")
    chat.until(r"base:\r\n[\s\S]{40}")
    chat.type("\x03")
    shown = chat.until(r"stopped[^>]*> ")
    assert "tuned" not in shown  # it is stopped for both
    chat.type("/save talk.jsonl\n")
    chat.until(r"2 rows in talk\.jsonl[^>]*> ")
    rows = [json.loads(line) for line in (root / "talk.jsonl").read_text().splitlines()]
    assert [(row["arm"], row["messages"][0]["content"]) for row in rows] == [
        ("base", "Say 8"), ("tuned", "Say 7"),
    ]  # fmt: skip
    chat.type("half a line")
    chat.until("half a line")
    chat.interrupt_typing()
    chat.until("> ")
    chat.type("/help\n")
    assert "write the talk as rows" in chat.until(r"Ctrl-C stops an answer\.[^>]*> ")
    chat.type("\x04")
    assert chat.code() == 0


def test_ctrl_c_at_the_empty_prompt_leaves(chat: Terminal) -> None:
    chat.type("/nothing\n")
    chat.until(r"There is no command /nothing")
    chat.until(r"/help lists them\.\S*\s*> ")
    chat.type("x")  # its echo tells that the line is being read, not only asked for
    chat.until("x")
    chat.type("\x7f")
    chat.until("\b")
    chat.interrupt_typing()
    assert chat.code() == 0
