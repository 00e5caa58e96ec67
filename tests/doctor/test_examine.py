"""`mlxr doctor`, whole: what it prints, its exit codes, and that no check can stop the others."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Ran
from mlxr.doctor import examine
from mlxr.doctor.check import Check, Topic
from mlxr.workspace import Workspace

Run = Callable[..., Ran]


def test_this_machine_can_train_a_toy_for_three_steps(mlxr: Run, tmp_path: Path) -> None:
    ran = mlxr("doctor", "--json")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    assert document["ok"] is True
    checks = {each["about"]: each for each in document["checks"]}
    assert set(checks) >= {
        "machine", "memory", "open files", "libraries", "MLX", "disk", "Hub cache", "Hub",
        "Hub login", "recipes", "runs", "training",
    }  # fmt: skip
    assert all(each["fix"] for each in checks.values() if each["level"] != "ok")
    assert checks["Hub"]["level"] == "warning"  # the tests run offline
    assert "trained for 3 steps" in checks["training"]["found"]
    assert list(tmp_path.iterdir()) == []


def test_an_mlx_lm_that_does_not_load_fails_the_toy_and_leaves_its_log(
    mlxr: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The child is real: it finds another mlx_lm first."""
    broken = tmp_path / "elsewhere" / "mlx_lm"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text('raise ImportError("built for another machine")\n')
    paths = [str(broken.parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(examine, "TOPICS", examine.TOPICS[-1:])
    ran = mlxr("doctor", "--json")
    assert ran.code == 1
    document = json.loads(ran.out)
    assert document["ok"] is False
    (toy,) = document["checks"]
    assert toy["level"] == "failed"
    assert "ImportError: built for another machine" in toy["found"]
    assert Path(toy["fix"].rpartition(" ")[2]).is_file()


def told(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    def said(check: Check) -> Callable[[None], Check]:
        return lambda _: check

    topic = Topic("x", lambda _: None, tuple(map(said, checks)))
    monkeypatch.setattr(examine, "TOPICS", (topic,))


def test_a_line_a_check_and_the_fix_below(mlxr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told(
        monkeypatch,
        Check("machine", "ok", "it is there."),
        Check("memory", "warning", "little is free.", "top -o mem"),
        Check("MLX", "failed", "mlx is not installed.", "pip install mlx"),
    )
    ran = mlxr("doctor")
    assert ran.code == 1
    assert ran.out == (
        "ok       machine      it is there.\n"
        "warning  memory       little is free.\n"
        "                      → top -o mem\n"
        "failed   MLX          mlx is not installed.\n"
        "                      → pip install mlx\n"
        "\n1 ok · 1 warning · 1 failed\n"
    )
    assert json.loads(mlxr("doctor", "--json").out)["ok"] is False


def test_warnings_alone_exit_with_0(mlxr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, Check("memory", "warning", "little is free.", "top -o mem"))
    assert mlxr("doctor").code == 0


def test_quiet_leaves_the_checklist_alone(mlxr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, Check("machine", "ok", "it is there."))
    assert "Looking at: x" in mlxr("doctor").err
    assert mlxr("doctor", "--quiet").err == ""


def test_what_cannot_be_looked_at_is_a_warning_and_the_rest_goes_on() -> None:
    def blind(_: Workspace) -> None:
        raise PermissionError(13, "Permission denied", "/proc/meminfo")

    found = Topic("machine", blind, ()).examine(Workspace.here())
    assert [(check.about, check.level) for check in found] == [("machine", "warning")]
    assert "Permission denied" in found[0].found


def test_every_topic_is_in_the_list() -> None:
    from mlxr import doctor

    folder = Path(doctor.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "check", "examine"}
    assert {topic.look.__module__.rpartition(".")[2] for topic in examine.TOPICS} == files
