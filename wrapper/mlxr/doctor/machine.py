"""The machine: what MLX runs on, and what of it is free."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from mlxr import blas, process
from mlxr.doctor.check import Check, Topic
from mlxr.units import byte_size
from mlxr.workspace import Workspace

MACOS = (14, 0)
"""The oldest macOS that MLX 0.32 runs on (ml-explore.github.io/mlx, Build and Install)."""
GLIBC = (2, 35)
"""The oldest C library that its wheels for Linux run on (the same page)."""
SMALLEST = 3e9
"""Bytes that the smallest of the shipped recipes takes, as estimated there."""
FILES = 4096
"""The limit of open files that importing mlx_lm sets, and that must therefore be allowed."""


@dataclass(frozen=True)
class Machine:
    """What this machine is."""

    system: str
    """Darwin or Linux."""
    version: str
    """Of macOS, or of the C library on Linux; "" where that has none."""
    processor: str
    """What Python was built for: arm64, x86_64."""
    apple: bool
    """Whether the hardware is Apple silicon, whatever Python was built for."""
    python: str
    memory: int
    """Bytes."""
    available: int
    """Bytes that programs could still get without swapping."""
    files: int | None
    """How many open files may be asked for; None without a limit."""
    raisable: bool
    """Whether mlx_lm may set the limit that it sets, also from below."""
    slow_blas: bool
    """MLX would compute with the BLAS of its wheel."""


def look(_: Workspace) -> Machine:
    """Return what this machine is."""
    import resource

    import psutil

    memory = psutil.virtual_memory()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    mac = platform.system() == "Darwin"
    return Machine(
        system=platform.system(),
        version=_macos() if mac else platform.libc_ver()[1],
        processor=platform.machine(),
        apple=mac and process.answer("sysctl", "-n", "hw.optional.arm64") == "1",
        python=platform.python_version(),
        memory=memory.total,
        available=memory.available,
        files=None if files == resource.RLIM_INFINITY else files,
        raisable=_may_open(FILES),
        slow_blas=blas.wanted() and not blas.find(),
    )


def _may_open(number: int) -> bool:
    """Tell whether this process may set its limit of open files to `number`, by trying.

    Being root does not decide it: a container's root often may not.
    """
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= number:
        return True
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, number))
    except (OSError, ValueError):
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return True


def _macos() -> str:
    """Return the version of macOS, which a Python built long ago takes for 10.16."""
    return process.answer("sysctl", "-n", "kern.osproductversion") or platform.mac_ver()[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def system(machine: Machine) -> Check:
    """Tell whether MLX runs here at all."""
    if machine.system == "Darwin":
        return _mac(machine)
    if machine.system != "Linux":
        found = f"{machine.system}: MLX runs on macOS and on Linux."
        return Check("machine", "failed", found, "Use a Mac with Apple silicon, or Linux.")
    here = f"Linux on {machine.processor}, Python {machine.python}"
    if _numbers(machine.version) < GLIBC:
        named = f"glibc {machine.version}" if machine.version else "no glibc"
        found = f"{here}, {named}: MLX's wheels are made for glibc 2.35 or newer."
        return Check("machine", "warning", found, "Use a newer distribution (see: ldd --version).")
    return Check("machine", "ok", f"{here}, glibc {machine.version}.")


def _mac(machine: Machine) -> Check:
    if not machine.apple and machine.processor != "arm64":
        found = "a Mac with an Intel processor: MLX needs Apple silicon."
        return Check("machine", "failed", found, "Use a Mac with Apple silicon, or Linux.")
    if machine.processor != "arm64":
        return Check(
            "machine",
            "failed",
            "this Python was built for Intel and runs under Rosetta: MLX needs a native one.",
            "brew install python && /opt/homebrew/bin/python3 -m venv .venv, and install mlxr there"
            " (python -c 'import platform; print(platform.machine())' must say arm64)",
        )
    here = f"macOS {machine.version} on Apple silicon"
    if _numbers(machine.version) < MACOS:
        return Check(
            "machine", "failed", f"{here}: MLX needs macOS 14 or newer.", "softwareupdate --list"
        )
    return Check("machine", "ok", f"{here}, Python {machine.python}.")


def memory(machine: Machine) -> Check:
    """Tell whether there is memory for the smallest of models."""
    found = f"{byte_size(machine.available)} of {byte_size(machine.memory)} are free"
    if machine.available >= SMALLEST:
        return Check("memory", "ok", f"{found}.")
    found += f": the smallest of the shipped recipes takes about {SMALLEST / 1e9:.0f} GB."
    busy = "top -o mem" if machine.system == "Darwin" else "ps aux --sort=-rss | head"
    return Check("memory", "warning", found, f"Close what takes most: {busy}")


def open_files(machine: Machine) -> Check:
    """Tell whether mlx_lm may set the limit of open files that it sets on being imported."""
    if machine.files is None:
        return Check("open files", "ok", "any number may be open.")
    found = f"{machine.files:,} may be open"
    if machine.raisable:
        return Check("open files", "ok", f"{found}.")
    fix = "sudo launchctl limit maxfiles 65536 200000, then open a new terminal"
    if machine.system == "Linux":
        fix = f"sudo prlimit --pid $$ --nofile={FILES}:{FILES}"
    return Check("open files", "failed", f"{found}, and mlx_lm does not load below {FILES:,}.", fix)


def openblas(machine: Machine) -> Check | None:
    """Tell whether MLX has a fast BLAS, where it computes on a Linux CPU without one."""
    if not machine.slow_blas:
        return None
    found = "no OpenBLAS is installed: MLX multiplies matrices some ten times slower without it."
    return Check("OpenBLAS", "warning", found, "sudo apt install libopenblas0-pthread")


TOPIC = Topic("machine", look, (system, memory, open_files, openblas))
