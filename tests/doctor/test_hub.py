"""The Hub: answering, silent, absent and forbidden; its token is never shown."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from loopback import Answering, Loopback, serving
from mlxr.doctor import hub
from mlxr.doctor.hub import Hub, asked, login, reachable
from mlxr.workspace import Workspace

WELL = Hub("https://huggingface.co", (), token=True, problem=None)


def saying(status: int) -> Loopback:
    """Return a server that says one status to all."""

    class Handler(Answering):
        def do_HEAD(self) -> None:  # noqa: N802 - http.server's names
            self._send(b"", status, {})

    return Loopback(Handler)


def test_a_hub_that_answers_is_well() -> None:
    with serving(saying(200)) as server:
        assert asked(server.url) is None
    assert reachable(WELL).found == "https://huggingface.co answers."


def test_one_that_refuses_is_not() -> None:
    with serving(saying(503)) as server:
        assert "Service Unavailable" in (asked(server.url) or "")


def test_nobody_there_and_nobody_speaking_are_told() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert "refused" in (asked(endpoint) or "")
        listener.listen()
        assert asked(endpoint, seconds=0.2) in {"no answer within 0.2 seconds", "timed out"}
    assert asked("no address") is not None


def test_a_hub_out_of_reach_is_a_warning_only() -> None:
    check = reachable(replace(WELL, problem="no answer within 5 seconds"))
    assert check.level == "warning"
    assert "no answer within 5 seconds" in check.found
    assert check.fix == "curl -I https://huggingface.co"


def test_where_it_is_forbidden_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_: str) -> str:
        raise AssertionError

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "0")
    monkeypatch.setattr(hub, "asked", never)
    check = reachable(hub.look(Workspace.here()))
    assert (check.level, check.fix) == ("warning", "unset HF_HUB_OFFLINE")


def test_a_token_is_known_of_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    seen = hub.look(Workspace.here())
    assert seen.token is True
    assert "secret" not in repr(seen) + repr(login(seen)) + repr(reachable(seen))
    assert login(seen).found == "a token is there."
    assert "hf auth login" in login(replace(seen, token=False)).found
