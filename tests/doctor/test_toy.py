"""The toy's checks, on trainings that went otherwise."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from mlxr.doctor import toy
from mlxr.doctor.toy import Toy, metal
from mlxr.errors import MlxrError
from mlxr.workspace import Workspace

WELL = Toy((2.5, 2.25, 2.0), 9.4, memory=12e9, system="Linux")


@pytest.fixture(autouse=True)
def _temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A failed toy leaves its folder: let it do so here."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_toy_that_trained_says_how_long_it_took() -> None:
    check = toy.toy(WELL)
    assert check.level == "ok"
    assert check.found == "a toy was prepared and trained for 3 steps in 9 s (loss 2.50)."


@pytest.mark.parametrize("losses", [(2.5, None, None), (2.5, 2.0), (), (2.5, 2.0, float("nan"))])
def test_losses_that_are_no_numbers_or_too_few_fail(losses: tuple[float | None, ...]) -> None:
    assert toy.toy(replace(WELL, losses=losses)).level == "failed"


def test_a_slow_toy_is_a_warning() -> None:
    assert toy.toy(replace(WELL, seconds=300.0)).level == "warning"


def test_what_stopped_the_training_and_its_hint_are_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: object) -> None:
        raise MlxrError("Training stopped.", "The whole log: train.log")

    monkeypatch.setattr(toy, "prepare", stop)
    check = toy.toy(toy.look(Workspace.here()))
    assert (check.level, check.fix) == ("failed", "The whole log: train.log")
    assert check.found == "a toy could not be trained: Training stopped."


def test_what_nobody_foresaw_fails_the_toy_and_not_the_doctor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: object) -> None:
        raise ImportError("no transformers")

    monkeypatch.setattr(toy, "prepare", stop)
    check = toy.toy(toy.look(Workspace.here()))
    assert check.level == "failed"
    assert "ImportError: no transformers" in check.found


def test_only_a_failed_toy_leaves_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for ending, left in ((None, 0), (KeyboardInterrupt, 0), (MlxrError, 1)):

        def end(*_: object, ending: type[BaseException] | None = ending) -> None:
            if ending:
                raise ending("now")

        monkeypatch.setattr(toy, "_train", end)
        if ending is KeyboardInterrupt:
            with pytest.raises(KeyboardInterrupt):
                toy.look(Workspace.here())
        else:
            toy.look(Workspace.here())
        assert len(list(tmp_path.iterdir())) == left


def test_metal_s_part_of_memory_is_told_on_a_mac_only() -> None:
    assert metal(WELL) is None
    mac = replace(WELL, system="Darwin", wired=0)
    told = metal(mac)
    assert told
    assert "at most 12.0 GB" in told.found
    assert "sudo sysctl iogpu.wired_limit_mb=N" in told.found
    raised = metal(replace(mac, wired=14000))
    assert raised
    assert "set to 14,000" in raised.found
    assert metal(replace(mac, memory=None)) is None
