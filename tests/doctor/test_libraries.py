"""The libraries' checks, on installations that are not here."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement

from conftest import ROOT
from mlxr import __version__
from mlxr.doctor import libraries
from mlxr.doctor.libraries import Libraries, Library, backend, optional, required
from mlxr.workspace import Workspace

FIT = Library("mlx", "<0.33,>=0.32.2", "0.32.4", fits=True)
WELL = Libraries(
    system="Linux",
    needed=(FIT, Library("mlx-lm", "<0.33,>=0.32.2", "0.32.2", fits=True)),
    mlx="0.32.4",
    backends={"mlx-cpu": "0.32.4"},
    optional={"Faker": "30.0", "wandb": None},
    nvidia=False,
)


def test_what_fits_is_named() -> None:
    assert (
        required(WELL).found
        == f"mlxr {__version__}, mlx-lm 0.32.2, mlx 0.32.4 and 0 more, each in its range."
    )
    assert required(WELL).level == "ok"


def test_what_does_not_fit_comes_with_the_command_that_mends_it() -> None:
    old = replace(FIT, name="mlx-lm", installed="0.31.3", fits=False)
    gone = Library("scipy", ">=1.14", None, fits=False)
    check = required(replace(WELL, needed=(FIT, old, gone)))
    assert check.level == "failed"
    assert check.found.startswith("mlx-lm 0.31.3, scipy is missing: ")
    assert check.fix == "pip install 'mlx-lm<0.33,>=0.32.2' 'scipy>=1.14'"


def test_without_an_installed_mlxr_nothing_is_claimed() -> None:
    assert required(replace(WELL, needed=())).level == "warning"


def test_mlx_and_what_computes_for_it_must_be_of_one_version() -> None:
    metal = replace(WELL, system="Darwin", backends={"mlx-metal": "0.32.4"})
    assert backend(metal).found == "mlx and mlx-metal 0.32.4: it computes on the GPU, by Metal."
    check = backend(replace(metal, backends={"mlx-metal": "0.31.0"}))
    assert check.level == "failed"
    assert "mlx 0.32.4 beside mlx-metal 0.31.0" in check.found
    assert check.fix == "pip install mlx==0.32.4 mlx-metal==0.32.4"


@pytest.mark.parametrize(
    ("system", "nvidia", "package"),
    [("Darwin", False, "mlx"), ("Linux", False, "'mlx[cpu]"), ("Linux", True, "'mlx[cuda12]")],
)
def test_an_mlx_without_anything_to_compute_with_fails(
    system: str, nvidia: bool, package: str
) -> None:
    bare = replace(WELL, system=system, nvidia=nvidia, backends={})
    check = backend(bare)
    assert check.level == "failed"
    assert check.fix.startswith(f"pip install {package}==0.32.4")
    missing = backend(replace(bare, mlx=None))
    assert missing.level == "failed"
    assert "<0.33,>=0.32.2" in missing.fix


def test_a_gpu_that_lies_idle_is_a_warning() -> None:
    check = backend(replace(WELL, nvidia=True))
    assert check.level == "warning"
    assert check.fix == "pip install 'mlx[cuda12]==0.32.4'"
    used = replace(WELL, nvidia=True, backends={"mlx-cpu": "0.32.4", "mlx-cuda-12": "0.32.4"})
    assert backend(used).found.endswith("on the GPU, by CUDA.")


def test_what_is_optional_is_listed() -> None:
    assert optional(WELL).found == "Faker 30.0, no wandb; only some recipes ask for them."


def test_the_ranges_are_those_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = map(Requirement, project["dependencies"])
    asked = {each.name: each.specifier for each in requirements}
    seen = libraries.look(Workspace.here())
    found = {each.name: each for each in seen.needed}
    assert found["mlx-lm"].needed == str(asked["mlx-lm"])
    assert found["mlx-lm"].installed == version("mlx-lm")
    assert found["mlx-lm"].fits
    assert "Faker" not in found  # an extra
    assert seen.mlx == version("mlx")
    assert set(seen.backends.values()) == {seen.mlx}


def test_a_version_outside_its_range_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "version", lambda name: "0.33.0" if name == "mlx-lm" else "99")
    found = {each.name: each.fits for each in libraries.look(Workspace.here()).needed}
    assert (found["mlx-lm"], found["numpy"]) == (False, True)
