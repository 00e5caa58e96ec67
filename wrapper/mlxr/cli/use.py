"""chat and serve."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import typer

from mlxr.cli import meaning, options
from mlxr.errors import MlxrError

if TYPE_CHECKING:
    from mlxr.workspace import Adapter, Workspace


def chat(
    what: options.AdapterArgument = None,
    text: options.Question = None,
    both: options.Both = False,
    max_tokens: options.MaxTokens = 512,
    temp: options.Temperature = 0.0,
    seed: options.Seed = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Talk to the tuned model, or to base and tuned."""
    from mlxr.chat import stage
    from mlxr.terminal.chat import ChatScreen, at_a_terminal, show_replies

    terminal, workspace = meaning.terminal(as_json, quiet), meaning.here()
    adapter = _asked(what, text, workspace)
    wanted = stage.Options(both, max_tokens, temp, seed)
    screen, display = ChatScreen(terminal), terminal.display()
    if not text and at_a_terminal():
        if as_json:
            raise typer.BadParameter('--json goes with a question: mlxr chat RUN "…" --json')
        stage.chat(adapter, workspace, wanted, screen, display)
        return
    asked = " ".join(text) if text else sys.stdin.read()
    replies = stage.ask(adapter, workspace, wanted, asked, screen, display)
    show_replies(terminal, adapter.name, replies)


def serve(
    what: options.AdapterArgument = None,
    host: options.Host = "127.0.0.1",
    port: options.Port = 8080,
    allow_origin: options.AllowOrigin = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Put the tuned model behind an OpenAI-compatible address."""
    from mlxr.serve.address import Address, check_origins
    from mlxr.serve.stage import serving
    from mlxr.terminal.serving import show_serving

    terminal, workspace = meaning.terminal(as_json, quiet), meaning.here()
    adapter = meaning.adapter(what, workspace)
    address = Address(host, port, check_origins(allow_origin or ()))
    with serving(adapter, workspace, address, terminal.display()) as server:
        server.wait(lambda: show_serving(terminal, server))
    terminal.aside("\nEnded.")


def _asked(what: str | None, text: list[str] | None, workspace: Workspace) -> Adapter:
    """Return the adapter to ask; a question in its place is told where it belongs."""
    try:
        return meaning.adapter(what, workspace)
    except MlxrError as error:
        runs = workspace.runs()
        if not runs or text or what is None or not any(c in what for c in " ?"):
            raise
        hint = f"The run comes first: mlxr chat {runs[-1].name} {shlex.quote(what)}"
        raise MlxrError(error.message, hint) from None
