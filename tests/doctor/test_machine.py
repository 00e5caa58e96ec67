"""The machine's checks, on machines that are not here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlxr import process
from mlxr.doctor import machine
from mlxr.doctor.machine import Machine, memory, open_files, openblas, system
from mlxr.workspace import Workspace

MAC = Machine(
    system="Darwin",
    version="15.1",
    processor="arm64",
    apple=True,
    python="3.12.4",
    memory=16 * 10**9,
    available=9 * 10**9,
    files=None,
    raisable=True,
    slow_blas=False,
)
LINUX = replace(MAC, system="Linux", version="2.36", processor="x86_64", apple=False, files=4096)


def test_a_mac_with_apple_silicon_is_well() -> None:
    check = system(MAC)
    assert (check.level, check.fix) == ("ok", "")
    assert check.found == "macOS 15.1 on Apple silicon, Python 3.12.4."


def test_a_python_for_intel_on_apple_silicon_is_told_from_an_intel_mac() -> None:
    rosetta = system(replace(MAC, processor="x86_64"))
    assert rosetta.level == "failed"
    assert "runs under Rosetta" in rosetta.found
    assert "/opt/homebrew/bin/python3 -m venv" in rosetta.fix
    intel = system(replace(MAC, processor="x86_64", apple=False))
    assert intel.level == "failed"
    assert "Intel processor" in intel.found


@pytest.mark.parametrize(("version", "level"), [("13.6.1", "failed"), ("14.0", "ok"), ("26", "ok")])
def test_macos_must_be_14(version: str, level: str) -> None:
    assert system(replace(MAC, version=version)).level == level


@pytest.mark.parametrize(
    ("version", "level"), [("2.35", "ok"), ("2.31", "warning"), ("", "warning")]
)
def test_linux_should_have_a_c_library_that_the_wheels_know(version: str, level: str) -> None:
    check = system(replace(LINUX, version=version))
    assert check.level == level
    assert ("no glibc" in check.found) == (version == "")


def test_what_mlx_does_not_run_on_fails() -> None:
    assert system(replace(LINUX, system="FreeBSD")).level == "failed"


def test_little_memory_is_a_warning_with_its_figures() -> None:
    check = memory(replace(MAC, available=10**9))
    assert check.level == "warning"
    assert "1.00 GB of 16.0 GB are free" in check.found
    assert "top -o mem" in check.fix
    assert "ps aux" in memory(replace(LINUX, available=10**9)).fix
    assert memory(MAC).level == "ok"


def test_a_limit_that_mlx_lm_cannot_set_fails() -> None:
    low = replace(LINUX, files=1024, raisable=False)
    assert open_files(low).level == "failed"
    assert open_files(low).fix == "sudo prlimit --pid $$ --nofile=4096:4096"
    assert "launchctl" in open_files(replace(MAC, files=256, raisable=False)).fix
    assert open_files(replace(low, raisable=True)).level == "ok"
    assert open_files(LINUX).level == "ok"
    assert open_files(MAC).level == "ok"


def test_the_limit_is_the_one_that_mlx_lm_sets() -> None:
    """Contract: the number stands in mlx_lm/utils.py, which cannot be asked without importing."""
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec("mlx_lm")
    assert spec
    assert spec.origin
    text = Path(spec.origin).with_name("utils.py").read_text(encoding="utf-8")
    assert f"RLIMIT_NOFILE, (2048, {machine.FILES})" in text


def test_whether_it_can_is_tried_where_it_matters() -> None:
    """A limit below 4,096 is set in a process of its own; root may raise it, others may not."""
    import subprocess
    import sys

    code = (
        "import resource as r\n"
        "from mlxr.doctor.machine import _may_open\n"
        "r.setrlimit(r.RLIMIT_NOFILE, (256, 1000))\n"
        "said = _may_open(4096)\n"
        "assert r.getrlimit(r.RLIMIT_NOFILE) == (256, 1000)\n"
        "try:\n    r.setrlimit(r.RLIMIT_NOFILE, (2048, 4096))\n"
        "except ValueError:\n    assert not said\n"
        "else:\n    assert said\n"
        "r.setrlimit(r.RLIMIT_NOFILE, (256, 256))\n"
        "assert _may_open(256)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_openblas_is_named_where_it_would_help() -> None:
    check = openblas(replace(LINUX, slow_blas=True))
    assert check
    assert check.level == "warning"
    assert check.fix == "sudo apt install libopenblas0-pthread"
    assert openblas(LINUX) is None


def test_a_mac_is_asked_what_python_cannot_say(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"hw.optional.arm64": "1", "kern.osproductversion": "15.2"}
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(process, "answer", lambda *command: said[command[-1]])
    seen = machine.look(Workspace.here())
    assert (seen.version, seen.apple, seen.processor) == ("15.2", True, "x86_64")
    assert "Rosetta" in system(seen).found


def test_this_machine_can_be_looked_at() -> None:
    seen = machine.look(Workspace.here())
    assert 0 < seen.available <= seen.memory
    assert all(check is None or check.found for check in (c(seen) for c in machine.TOPIC.checks))
