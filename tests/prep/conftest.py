"""A tokenizer made on the spot: no test of prep needs a network or a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from prep.samples import write_model


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a forgotten look-up on the Hub fail at once."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tokenizer with a ChatML template."""
    return write_model(tmp_path_factory.mktemp("models") / "tiny")
