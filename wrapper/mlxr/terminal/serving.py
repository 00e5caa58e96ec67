"""What `mlxr serve` says when it can be asked."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from mlxr.terminal.reports import short

if TYPE_CHECKING:
    from mlxr.serve.stage import Serving
    from mlxr.terminal.console import Terminal


def show_serving(terminal: Terminal, server: Serving) -> None:
    """Say where the model is, what it is called, and how to ask it."""
    name = server.trained.name
    if not server.address.local:
        terminal.warn(
            f"Everybody who can reach {server.address.host} can ask this model, without a password."
        )
    terminal.result(f"{name} is at {server.url}")
    terminal.result(f"model: {name} (or default_model; other names are refused)")
    terminal.result(f"log:   {short(server.log)}")
    body = shlex.quote(json.dumps(server.request, ensure_ascii=False))
    url = f"{server.url}/chat/completions"
    terminal.next_steps(
        [(f"curl {url} -H 'Content-Type: application/json' \\\n      -d {body}", "ask it")]
    )
    terminal.aside(f"\n{_openai(server)}\n")
    if server.prompts.template:
        terminal.talk(
            "A message is the prompt as your template writes it, as above: the server does not "
            "render it."
        )
    terminal.talk("Ctrl-C ends it.")
    terminal.document(
        {
            "url": server.url,
            "model": name,
            "log": str(server.log),
            "request": server.request,
        }
    )


def _openai(server: Serving) -> str:
    """Return the same question in Python."""
    messages = json.dumps(server.request["messages"], ensure_ascii=False)
    return f"""  from openai import OpenAI
  client = OpenAI(base_url="{server.url}", api_key="none")
  client.chat.completions.create(model="{server.trained.name}", messages={messages})"""
