"""What `mlxr serve` prints can be typed as it stands; an open door is said."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlxr.serve.address import Address
from mlxr.terminal.console import Terminal
from mlxr.terminal.serving import show_serving


def serving(host: str) -> Any:
    """Return what show_serving reads of a server."""
    address = Address(host, 8080)
    messages = [{"role": "user", "content": "What's new?\n‹event_text›"}]
    return SimpleNamespace(
        trained=SimpleNamespace(name="r/0001"),
        address=address,
        url=f"{address.url}/v1",
        log=Path("serve-8080.log"),
        request={"model": "r/0001", "messages": messages},
        prompts=SimpleNamespace(template="t.jinja"),
    )


def test_the_command_asks_what_a_client_has_to_ask(capfd: pytest.CaptureFixture[str]) -> None:
    show_serving(Terminal(), serving("127.0.0.1"))
    out, err = capfd.readouterr()
    assert out.splitlines()[0] == "r/0001 is at http://127.0.0.1:8080/v1"
    command = err[err.index("curl") : err.index("\n\n  from openai")]
    words = shlex.split(command)
    assert words[1] == "http://127.0.0.1:8080/v1/chat/completions"
    assert json.loads(words[-1]) == serving("").request
    compile(err[err.index("  from openai") :].split("\n\n")[0].replace("\n  ", "\n").strip(),
            "example", "exec")  # fmt: skip
    assert "the server does not render it" in err
    assert "without a password" not in err


def test_whom_it_is_open_to_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    show_serving(Terminal(), serving("0.0.0.0"))
    out, err = capfd.readouterr()
    assert "Everybody who can reach 0.0.0.0 can ask this model, without a password." in err
    assert "http://127.0.0.1:8080/v1" in out
