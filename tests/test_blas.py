"""OpenBLAS for children, where one is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlxr import blas
from mlxr.process import environment


def test_the_first_that_is_there_is_found(tmp_path: Path) -> None:
    places = (f"{tmp_path}/none.so", f"{tmp_path}/{{machine}}.so")
    assert blas.find(places) is None
    library = tmp_path / f"{os.uname().machine}.so"
    library.touch()
    assert blas.find(places) == library


def test_it_comes_before_what_the_user_preloads_but_not_before_a_blas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "libopenblas.so.0"
    monkeypatch.setattr(blas, "wanted", lambda: True)
    monkeypatch.setattr(blas, "find", lambda: library)
    assert blas.preload({}) == {"LD_PRELOAD": str(library)}
    assert blas.preload({"LD_PRELOAD": "/x.so"}) == {"LD_PRELOAD": f"{library} /x.so"}
    assert blas.preload({"LD_PRELOAD": "/libmyblas.so"}) == {}
    monkeypatch.setattr(blas, "find", lambda: None)
    assert blas.preload({}) == {}


def test_only_children_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "preload", lambda env: {"LD_PRELOAD": "/libopenblas.so.0"})
    assert environment()["LD_PRELOAD"] == "/libopenblas.so.0"
    assert "openblas" not in os.environ.get("LD_PRELOAD", "")


@pytest.mark.skipif(not (blas.wanted() and blas.find()), reason="no OpenBLAS, or none needed")
def test_mlx_then_computes_with_it() -> None:
    """The process has both mapped; the one that is called first wins, as ld.so documents."""
    code = "import mlx.core as mx\nmx.eval(mx.ones((64, 64)) @ mx.ones((64, 64)))\n"
    code += "print('openblas' in open('/proc/self/maps').read())"
    env = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env | blas.preload(env), capture_output=True, check=True
    )
    assert done.stdout == b"True\n"
    assert done.stderr == b""
