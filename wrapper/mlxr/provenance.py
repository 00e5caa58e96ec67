"""What a result was made with: versions, machine, and the state of the source tree."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("mlxr", "mlx-lm", "mlx", "transformers", "datasets", "numpy")


def versions() -> dict[str, str | None]:
    """Return the installed version of each package that can change a result; None if absent."""
    return {name: _version(name) for name in PACKAGES} | {"python": platform.python_version()}


def machine() -> dict[str, str | int | None]:
    """Return operating system, processor, and memory in bytes (None where unknown)."""
    return {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "memory": _memory(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory() -> int | None:
    import os

    if sys.platform not in {"linux", "darwin"}:
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
