"""demo."""

from __future__ import annotations

from mlxr.cli import meaning, options
from mlxr.cli.judge import finish


def demo(as_json: options.Json = False, quiet: options.Quiet = False) -> None:
    """New here? See it all on an embedded tiny model, offline."""
    from mlxr import demo as command

    terminal = meaning.terminal(as_json, quiet)
    comparison = command.demo(meaning.here(), terminal.display, terminal.heading)
    finish(terminal, [comparison], (), [(command.train_longer(), "train longer, in a second run")])
