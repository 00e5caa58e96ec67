"""The world every test runs in: no network, no colour, a fixed width, a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # tests run side by side, on tiny matrices
settings.register_profile("untimed", deadline=None)  # how long an example takes proves nothing
settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "data" / "demo" / "model"
"""The demo's model: real, 4-bit, and small."""
LONG = {"test_demo.py", "test_forecast.py", "test_going_on.py", "test_forgetting.py",
        "test_several.py", "test_sweep.py"}  # fmt: skip
"""Files of few and long tests: begun last, they would leave one worker alone at the end."""
TEMPLATE = """
{% block prompt %}{{ question }}{% endblock %}
{% block completion %}{{ answer }}{% endblock %}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files (the order of files is kept: --no-loadscope-reorder)."""
    items.sort(key=lambda item: item.path.name not in LONG)


def _heed_ctrl_c() -> None:
    """Undo what a shell's &, nohup or an earlier test left: children inherit what is ignored."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})


@pytest.fixture(autouse=True)
def _world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pin what output and look-ups depend on; a test starts in an empty folder."""
    _heed_ctrl_c()
    for name in [name for name in os.environ if name.startswith("MLXR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)


def left(folder: Path) -> set[str]:
    """Return the names of what lies in a folder."""
    return {path.name for path in folder.iterdir()}


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def mlxr(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Return a function that runs a command line of mlxr in this process."""
    from mlxr.cli import main

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["mlxr", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        out, err = capfd.readouterr()
        return Ran(code, out, err)

    return run


def questions(count: int, **columns: Any) -> list[dict[str, Any]]:
    """Return rows of a small task: say a number again."""
    return [
        {"question": f"Repeat: {i * 7 % 100} {i}", "answer": f"{i * 7 % 100} {i}", **columns}
        for i in range(count)
    ]


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes r.toml with its template and rows, and returns its path."""

    def write(
        rows: Iterable[dict[str, Any]] | None = None,
        *,
        model: Path | str = MODEL,
        template: str = TEMPLATE,
        extra: str = "",
        **train: Any,
    ) -> Path:
        lines = [json.dumps(row) + "\n" for row in (questions(40) if rows is None else rows)]
        (tmp_path / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
        (tmp_path / "t.jinja").write_text(template, encoding="utf-8")
        keys = {"iters": 4, "batch_size": 2, "num_layers": 1, "learning_rate": 1e-3} | train
        table = "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items())
        if "forgetting" not in extra:  # it costs seconds, and the demo's model has nothing to lose
            header = "[compare]\n"
            extra = extra if header in extra else f"{extra}\n{header}"
            extra = extra.replace(header, f"{header}forgetting = false\n", 1)
        path = tmp_path / "r.toml"
        path.write_text(
            f"""
model = {json.dumps(str(model))}
[data]
source = "rows.jsonl"
template = "t.jinja"
[data.splits]
train = 0.7
valid = 0.15
test = 0.15
[train]
{table}
{extra}
""",
            encoding="utf-8",
        )
        return path

    return write
