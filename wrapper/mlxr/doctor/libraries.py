"""The libraries: are they there, and in the versions that mlxr was tested with?"""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from mlxr import __version__
from mlxr.doctor.check import Check, Topic
from mlxr.workspace import Workspace

BACKENDS = ("mlx-metal", "mlx-cuda-12", "mlx-cuda-13", "mlx-cpu")
"""Where MLX keeps what computes; each must be of MLX's own version."""
OPTIONAL = ("Faker", "tensorboardX", "wandb", "swanlab")
"""What a recipe may ask for, under [augment.pools] or as train.report_to."""
NVIDIA = Path("/proc/driver/nvidia/version")
"""There where a driver of an NVIDIA GPU is loaded."""


@dataclass(frozen=True)
class Library:
    """A package that mlxr needs."""

    name: str
    needed: str
    """The versions that will do, as "<0.33,>=0.32.2"."""
    installed: str | None
    fits: bool


@dataclass(frozen=True)
class Libraries:
    """What is installed."""

    system: str
    needed: tuple[Library, ...]
    """Empty where mlxr itself was not installed."""
    mlx: str | None
    backends: Mapping[str, str]
    """Version by name, of those that are installed."""
    optional: Mapping[str, str | None]
    nvidia: bool


def look(_: Workspace) -> Libraries:
    """Return what is installed."""
    backends = {name: _installed(name) for name in BACKENDS}
    return Libraries(
        system=platform.system(),
        needed=_needed(),
        mlx=_installed("mlx"),
        backends={name: found for name, found in backends.items() if found},
        optional={name: _installed(name) for name in OPTIONAL},
        nvidia=NVIDIA.exists(),
    )


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _needed() -> tuple[Library, ...]:
    """Return what pyproject.toml asks for on this machine, extras left out."""
    from packaging.requirements import Requirement

    try:
        asked = [Requirement(text) for text in requires("mlxr") or ()]
    except PackageNotFoundError:
        return ()
    here = [each for each in asked if not each.marker or each.marker.evaluate({"extra": ""})]
    return tuple(_library(each.name, str(each.specifier)) for each in here)


def _library(name: str, needed: str) -> Library:
    from packaging.specifiers import SpecifierSet

    found = _installed(name)
    fits = found is not None and SpecifierSet(needed).contains(found, prereleases=True)
    return Library(name, needed, found, fits)


def required(libraries: Libraries) -> Check:
    """Tell whether every library is there in a version that will do."""
    if not libraries.needed:
        found = "mlxr itself was not installed, so nothing says which versions will do."
        return Check("libraries", "warning", found, "pip install . (in mlxr's source tree)")
    wrong = [each for each in libraries.needed if not each.fits]
    if wrong:
        odd = [f"{each.name} {each.installed or 'is missing'}" for each in wrong]
        found = f"{', '.join(odd)}: mlxr was not tested with that."
        return Check("libraries", "failed", found, _pip([f"{w.name}{w.needed}" for w in wrong]))
    versions = {each.name: each.installed for each in libraries.needed}
    named = [f"{name} {versions.pop(name)}" for name in ("mlx-lm", "mlx") if name in versions]
    said = ", ".join([f"mlxr {__version__}", *named])
    return Check("libraries", "ok", f"{said} and {len(versions)} more, each in its range.")


def backend(libraries: Libraries) -> Check:
    """Tell whether what computes for MLX is there, of its version, and the best there is."""
    if libraries.mlx is None:
        return Check("MLX", "failed", "mlx is not installed.", _pip([_package(libraries)]))
    if not libraries.backends:
        found = f"mlx {libraries.mlx} has nothing to compute with: its second package is missing."
        return Check("MLX", "failed", found, _pip([_package(libraries)]))
    others = {n: v for n, v in libraries.backends.items() if v != libraries.mlx}
    if others:
        named = ", ".join(f"{name} {found}" for name, found in others.items())
        found = f"mlx {libraries.mlx} beside {named}: both must be of one version."
        fix = _pip([f"mlx=={libraries.mlx}", *(f"{name}=={libraries.mlx}" for name in others)])
        return Check("MLX", "failed", found, fix)
    means = next(name for name in BACKENDS if name in libraries.backends)
    if libraries.nvidia and means == "mlx-cpu":
        found = "an NVIDIA GPU is here, and MLX computes on the CPU."
        return Check("MLX", "warning", found, _pip([f"mlx[cuda12]=={libraries.mlx}"]))
    where = {"mlx-metal": "the GPU, by Metal", "mlx-cpu": "the CPU"}.get(means, "the GPU, by CUDA")
    return Check("MLX", "ok", f"mlx and {means} {libraries.mlx}: it computes on {where}.")


def _package(libraries: Libraries) -> str:
    """Return what brings MLX with what computes for it here."""
    extra = "[cuda12]" if libraries.nvidia else "[cpu]"
    named = "mlx" + ("" if libraries.system == "Darwin" else extra)
    needed = next((each.needed for each in libraries.needed if each.name == "mlx"), "")
    return f"{named}{f'=={libraries.mlx}' if libraries.mlx else needed}"


def optional(libraries: Libraries) -> Check:
    """Name what only some recipes ask for; whether one here does is a check of the workspace."""
    there = [f"{name} {found}" for name, found in libraries.optional.items() if found]
    missing = [f"no {name}" for name, found in libraries.optional.items() if not found]
    return Check("optional", "ok", f"{', '.join(there + missing)}; only some recipes ask for them.")


def _pip(packages: list[str]) -> str:
    return f"pip install {shlex.join(packages)}"


TOPIC = Topic("libraries", look, (required, backend, optional))
