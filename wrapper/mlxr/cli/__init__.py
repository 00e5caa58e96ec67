"""The command line: options → one call → exit code. The only importer of typer.

Exit codes: 0 done · 1 failed · 2 usage · 3 compared and regressed · 4 compared but blocked ·
130 interrupted.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from mlxr import __version__
from mlxr.cli import export, judge, prepare, runs, start, train, use
from mlxr.errors import MlxrError

if TYPE_CHECKING:
    from collections.abc import Callable

STORY: dict[str, list[Callable[..., None] | typer.Typer]] = {
    "Start": [start.demo, start.init, start.doctor],
    "Prepare": [prepare.prep, prepare.preview, prepare.plan, prepare.schema],
    "Train": [train.train, train.watch, train.sweep],
    "Judge": [judge.compare, runs.runs],
    "Use": [use.chat, export.export, use.serve],
}
"""Every command, in the order of their use: `mlxr --help` tells them by chapter."""


def _name(command: Callable[..., None] | typer.Typer) -> str:
    """Return what is typed for a command, or for several under one name."""
    return str(command.info.name) if isinstance(command, typer.Typer) else command.__name__


class _Story(TyperGroup):
    """Help that fits one screen: all commands by chapter, then the options, a line each."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # their types are typer's own
        """Write both; `--show-completion` is left to `--install-completion`."""
        lines = [
            (f"{chapter if not i else '':9}{_name(command):9}", _name(command))
            for chapter, commands in STORY.items()
            for i, command in enumerate(commands)
        ]
        room = formatter.width - 22
        formatter.write_paragraph()
        formatter.write_dl([(t, self.commands[n].get_short_help_str(room)) for t, n in lines])
        shown = [each for each in self.get_params(ctx) if each.name != "show_completion"]
        with formatter.section("Options"):
            formatter.write_dl([each.get_help_record(ctx) for each in shown])


app = typer.Typer(
    name="mlxr",
    cls=_Story,
    help="Fine-tune a small language model, and prove whether it got better.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _commands in STORY.values():
    for _command in _commands:
        if isinstance(_command, typer.Typer):
            app.add_typer(_command)
        else:
            app.command()(_command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mlxr {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None: ...


def main() -> None:
    """Run mlxr; a MlxrError becomes its message and exit code 1."""
    try:
        app()
    except MlxrError as error:
        from mlxr.terminal.console import Terminal

        Terminal().error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        from mlxr.terminal.console import Terminal

        said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        Terminal().error(MlxrError(f"{said}.", "Check that path, its permissions and the disk."))
        sys.exit(1)
    except Exception as error:  # a bug: no user should have to read a traceback
        from mlxr.terminal.console import Terminal

        Terminal().error(_bug(error))
        sys.exit(1)


def _bug(error: Exception) -> MlxrError:
    """Return what to say of an error that nobody foresaw, its traceback kept in a file."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="mlxr-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
    ) as log:
        log.write(f"mlxr {__version__}: {' '.join(sys.argv)}\n\n")
        log.write("".join(traceback.format_exception(error)))
    return MlxrError(
        f"This should not have happened: {type(error).__name__}: {error}",
        f"It is a bug of mlxr. Please report it with {log.name}",
    )
