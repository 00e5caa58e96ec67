"""A `mlxr serve` of its own, and the openai client to ask it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai


@dataclass
class Server:
    """A running `mlxr serve`."""

    process: subprocess.Popen[str]
    document: dict[str, Any]

    @property
    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.document["url"], api_key="none", max_retries=0)

    def chat(self, model: str, text: str, **more: Any) -> Any:
        messages: Any = [{"role": "user", "content": text}]
        return self.client.chat.completions.create(model=model, messages=messages, **more)


def free_port() -> int:
    """Return a port that nobody listened to just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(root: Path, *options: str) -> Iterator[Server]:
    """Serve the newest run of a folder at a free port."""
    port = str(free_port())
    command = [sys.executable, "-m", "mlxr", "serve", "--json", "--port", port, *options]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        text = ""
        for line in lines:
            text += line
            if line == "}\n":
                break
        try:
            yield Server(process, json.loads(text))
        finally:
            process.kill()
