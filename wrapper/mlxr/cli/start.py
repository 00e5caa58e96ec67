"""demo, init and doctor."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import typer

from mlxr.cli import meaning, options
from mlxr.cli.judge import finish


def demo(as_json: options.Json = False, quiet: options.Quiet = False) -> None:
    """New here? See it all on an embedded tiny model, offline."""
    from mlxr import demo as command
    from mlxr.terminal.reports import show_findings

    terminal = meaning.terminal(as_json, quiet)
    found = partial(show_findings, terminal)
    comparison = command.demo(meaning.here(), terminal.display, terminal.heading, found)
    finish(terminal, [comparison], (), [(command.train_longer(), "train longer, in a second run")])


def init(
    folder: options.Folder = Path(),
    like: options.Like = None,
    listed: options.Listed = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Begin a recipe of your own like a shipped one."""
    from mlxr.example import examples
    from mlxr.init import init as begin
    from mlxr.terminal.beginnings import show_begun, show_examples

    terminal = meaning.terminal(as_json, quiet)
    if listed:
        show_examples(terminal, examples())
        return
    if like is None:
        raise typer.BadParameter("Say --like NAME; `mlxr init --list` shows the names.")
    show_begun(terminal, begin(folder, like))


def doctor(as_json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Check this machine, and train a toy for three steps."""
    from mlxr.doctor.examine import examine
    from mlxr.terminal.checkup import show_checkup

    terminal, workspace = meaning.terminal(as_json, quiet), meaning.here()
    with terminal.display() as display:
        found = examine(workspace, display)
    show_checkup(terminal, found)
    if any(check.level == "failed" for check in found):
        raise typer.Exit(1)
