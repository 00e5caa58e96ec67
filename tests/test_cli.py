"""The command line: exit codes, errors, help."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Ran

Run = Callable[..., Ran]
COMMANDS = (
    *("demo", "init", "doctor", "prep", "preview", "plan", "schema", "train", "watch", "sweep"),
    *("compare", "runs", "chat", "export", "serve"),
)


def test_help_tells_the_story(mlxr: Run) -> None:
    ran = mlxr("--help")
    assert ran.code == 0
    places = [ran.out.index(f"  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert len(ran.out.splitlines()) <= 24


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(mlxr: Run, command: str) -> None:
    ran = mlxr(command, "--help")
    assert ran.code == 0
    assert "--json" in ran.out


def test_version(mlxr: Run) -> None:
    assert mlxr("--version").out == "mlxr 0.1.0\n"


def test_wrong_usage_exits_with_2(mlxr: Run) -> None:
    assert mlxr("prep", "--no-such-option").code == 2
    assert mlxr("no-such-command").code == 2


def test_what_nobody_foresaw_is_said_without_a_traceback(
    mlxr: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("mlxr.recipe.find", fail)
    ran = mlxr("prep")
    assert ran.code == 1
    assert "This should not have happened: ZeroDivisionError: a bug" in ran.err
    assert "Traceback" not in ran.err
    log = Path(ran.err.split()[-1])
    assert "Traceback" in log.read_text()
    log.unlink()


def test_a_broken_run_is_named(mlxr: Run, tmp_path: Path) -> None:
    run = tmp_path / "adapters" / "r" / "0001"
    run.mkdir(parents=True)
    for content in ("{", "[]", json.dumps({"status": "done"})):
        (run / "run.json").write_text(content)
        ran = mlxr("compare", "r/0001")
        assert ran.code == 1
        assert "run.json is not " in ran.err
        assert "should not have happened" not in ran.err
