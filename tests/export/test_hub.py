"""Pushing: the real huggingface_hub against a Hub on loopback, and what can go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Ran
from export.fake_hub import TOKEN, Hub
from loopback import serving

Run = Callable[..., Ran]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """Yield a Hub that huggingface_hub takes for the real one, and log in."""
    with serving(Hub()) as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield hub


def push(mlxr: Run, *more: str) -> Ran:
    return mlxr("export", "r/0001", "--as", "adapter", "--push", *more)


def refused(ran: Ran, *parts: str) -> None:
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "should not have happened" not in ran.err
    for part in parts:
        assert part in ran.err.replace("\n", " ")


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(("more", "private"), [((), True), (("--public",), False)])
def test_a_push_is_whole_and_private_unless_public(
    mlxr: Run, hub: Hub, more: tuple[str, ...], private: bool
) -> None:
    ran = push(mlxr, "ours/m", "--json", *more)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["url"] == f"{hub.url}/ours/m"
    assert hub.private == {"ours/m": private}
    folder = Path("exports/r-0001-adapter")
    assert hub.files["ours/m"] == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(hub.files["ours/m"]) >= {"README.md", "adapters.safetensors"}


@pytest.mark.usefixtures("run")
def test_a_second_run_goes_to_the_same_private_place(mlxr: Run, hub: Hub) -> None:
    hub.private["me/m"] = True
    assert push(mlxr, "me/m").code == 0
    assert hub.files["me/m"]


@pytest.mark.usefixtures("run")
def test_what_is_public_already_needs_your_word(mlxr: Run, hub: Hub) -> None:
    hub.private["me/m"] = False
    refused(push(mlxr, "me/m"), "me/m exists already and is public", "--public")
    assert hub.files == {}
    assert list(Path("exports").iterdir()) == []


@pytest.mark.usefixtures("run")
def test_nobody_logged_in(mlxr: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    refused(push(mlxr, "me/m"), "You are not logged in to the Hub.", "hf auth login")
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 34)
    refused(push(mlxr, "me/m"), "The Hub does not accept your token.", "hf auth login")
    assert list(Path("exports").iterdir()) == []


@pytest.mark.usefixtures("run")
def test_a_place_of_somebody_else(mlxr: Run, hub: Hub) -> None:
    said = "You are logged in as me, who cannot create theirs/m."
    refused(push(mlxr, "theirs/m"), said, "me/…, ours/…")


@pytest.mark.usefixtures("run")
def test_a_token_that_may_only_read_leaves_the_export(mlxr: Run, hub: Hub) -> None:
    hub.writable = False
    ran = push(mlxr, "me/m")
    refused(ran, "Your token may not write to me/m.", "hf upload me/m")
    assert Path("exports/r-0001-adapter/export.json").is_file()


@pytest.mark.usefixtures("run")
def test_no_network(mlxr: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    refused(push(mlxr, "me/m"), "The Hub cannot be reached")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    refused(push(mlxr, "me/m"), "HF_HUB_OFFLINE is set")


@pytest.mark.usefixtures("run")
def test_a_name_without_an_owner(mlxr: Run) -> None:
    refused(push(mlxr, "m"), "--push takes OWNER/NAME, not 'm'")
