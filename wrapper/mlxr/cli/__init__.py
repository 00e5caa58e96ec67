"""The command line: options → one call → exit code. The only importer of typer.

Exit codes: 0 done · 1 failed · 2 usage · 3 compared and regressed · 4 compared but blocked ·
130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated

import click
import typer
from typer.core import TyperGroup

from mlxr import __version__
from mlxr.cli import judge, prepare, start, train
from mlxr.errors import MlxrError

STORY = {
    "Start": [start.demo],
    "Prepare": [prepare.prep, prepare.preview],
    "Train": [train.train, train.watch],
    "Judge": [judge.compare],
}
"""Every command, in the order of their use; `mlxr --help` is told along it."""


class _Story(TyperGroup):
    """Help that lists the commands by chapter."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each chapter, all columns alike."""
        del ctx
        width = max(len(name) for name in self.commands)
        for chapter, functions in STORY.items():
            with formatter.section(chapter):
                named = [function.__name__ for function in functions]
                room = formatter.width - width - 6
                formatter.write_dl(
                    [(f"{n:{width}}", self.commands[n].get_short_help_str(room)) for n in named]
                )


app = typer.Typer(
    name="mlxr",
    cls=_Story,
    help="Fine-tune a small language model on one machine, and prove whether it got better.",
    epilog="New here? Run `mlxr demo`: all three steps on a tiny model, offline.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _functions in STORY.values():
    for _function in _functions:
        app.command()(_function)


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
