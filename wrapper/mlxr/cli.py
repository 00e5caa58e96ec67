"""The command line: options → one call → exit code. The only importer of typer.

Exit codes: 0 done · 1 failed · 2 usage · 3 compared and regressed · 4 compared but blocked ·
130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlxr import __version__
from mlxr.errors import MlxrError

if TYPE_CHECKING:
    from mlxr.compare.stage import Comparison
    from mlxr.recipe import Loaded
    from mlxr.terminal.console import Terminal
    from mlxr.workspace import Run, Workspace

app = typer.Typer(
    name="mlxr",
    help="Fine-tune a small language model on one machine, and prove whether it got better.",
    epilog="New here? Run `mlxr demo`: all three steps on a tiny model, offline.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RecipeArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="RECIPE",
        help="Recipe file. Default: recipe.toml, else the only one in recipes/.",
        show_default=False,
    ),
]
RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN|RECIPE",
        help="A run (calendar/0002) or a recipe, meaning its newest run. Default: the newest.",
        show_default=False,
    ),
]
Override = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe key, as train.iters=50."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No talk and no progress.")]


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


@app.command()
def demo(as_json: Json = False, quiet: Quiet = False) -> None:
    """See it all: prep, train and compare on an embedded tiny model, offline."""
    from mlxr import demo as command

    terminal = _terminal(as_json, quiet)
    comparison = command.demo(_here(), terminal.display, terminal.heading)
    _finish(terminal, comparison, [(command.train_longer(), "train longer, in a second run")])


@app.command()
def prep(
    recipe: RecipeArgument = None,
    set_: Override = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Pull, render, split, tokenise and audit a recipe's data."""
    from mlxr.prep.stage import prepare
    from mlxr.terminal.reports import show_preparation

    terminal = _terminal(as_json, quiet)
    loaded = _load(recipe, set_)
    with terminal.display() as display:
        preparation = prepare(loaded.recipe, _here(), display)
    show_preparation(terminal, preparation, loaded.typed)


@app.command()
def preview(
    recipe: RecipeArgument = None,
    count: Annotated[int, typer.Option("-n", min=1, metavar="N", help="Rows to show.")] = 3,
    row: Annotated[
        list[str] | None,
        typer.Option(
            "--row", metavar="FILE:ROW", help="Show this row, as an audit names it; or its number."
        ),
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="One token a line, with its id.")
    ] = False,
    set_: Override = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show rows as the model will see them, before any data are prepared."""
    from mlxr.prep import preview as command
    from mlxr.terminal.preview import show_preview

    terminal = _terminal(as_json, quiet)
    loaded = _load(recipe, set_)
    with terminal.display() as display:
        seen = command.preview(loaded.recipe, display, count, row or ())
    show_preview(terminal, seen, loaded.typed, one_a_line=tokens)


@app.command()
def train(
    recipe: RecipeArgument = None,
    set_: Override = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show every final value and the plain command.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the recipe's newest run where it stopped.")
    ] = False,
    ranks: Annotated[
        int, typer.Option("-n", min=1, metavar="N", help="Train with N processes on this machine.")
    ] = 1,
    hosts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Train on each host of mlx.launch's host file."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train on prepared data with mlx_lm, watched."""
    from mlxr.terminal.reports import show_plan, show_training
    from mlxr.train import stage
    from mlxr.train.ranks import Ranks, on_hosts

    terminal = _terminal(as_json, quiet)
    loaded, workspace = _load(recipe, set_), _here()
    if resume:
        if dry_run or set_ or hosts or ranks > 1:
            raise typer.BadParameter("--resume goes on as the run began: it takes no more options.")
        run = _newest(workspace, loaded.recipe.name, loaded.path)
        with terminal.display() as display:
            training = stage.resume(run, workspace, display)
    else:
        if hosts and ranks > 1:
            raise typer.BadParameter("-n is for this machine; --hosts starts one on each host.")
        plan = stage.plan(loaded, workspace, on_hosts(hosts) if hosts else Ranks(ranks))
        if dry_run:
            show_plan(terminal, plan)
            return
        with terminal.display() as display:
            training = stage.train(plan, workspace, display)
    show_training(terminal, training)
    if training.reason == "interrupted":
        raise typer.Exit(130)


@app.command()
def watch(what: RunArgument = None) -> None:
    """Follow a training that was started elsewhere, or see a finished one again."""
    from mlxr.terminal.reports import show_watched
    from mlxr.train import watch as command

    terminal = _terminal(False, False)
    run = _run(what, _here())
    with terminal.display() as display:
        status = command.watch(run, display)
    show_watched(terminal, run, status)


@app.command()
def compare(
    what: RunArgument = None,
    allow_degenerate: Annotated[
        bool, typer.Option(help="Give a verdict in spite of red alarms.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Judge a run: base against tuned on the test split."""
    from mlxr.compare import stage

    terminal = _terminal(as_json, quiet)
    workspace = _here()
    run = _run(what, workspace)
    with terminal.display() as display:
        comparison = stage.compare(run, workspace, display, allow_degenerate=allow_degenerate)
    _finish(terminal, comparison)


def _finish(
    terminal: Terminal, comparison: Comparison, further: list[tuple[str, str]] | None = None
) -> None:
    """Show a comparison and exit with its verdict's code."""
    from mlxr.terminal.reports import show_comparison

    show_comparison(terminal, comparison, further or ())
    raise typer.Exit(comparison.exit_code)


def _terminal(as_json: bool, quiet: bool) -> Terminal:
    from mlxr.terminal.console import Terminal

    return Terminal(as_json=as_json, quiet=quiet)


def _here() -> Workspace:
    from mlxr.workspace import Workspace

    return Workspace.here()


def _load(recipe: Path | None, overrides: list[str] | None) -> Loaded:
    from mlxr.recipe import find, load

    return load(recipe or find(Path.cwd()), overrides or ())


def _run(what: str | None, workspace: Workspace) -> Run:
    """Return the run that an argument means: a run, or the newest of a recipe or of all."""
    if what is not None and not what.endswith(".toml"):
        return workspace.run(what)
    if what is None:
        return _newest(workspace, "*", "RECIPE")
    return _newest(workspace, _load(Path(what), None).recipe.name, what)


def _newest(workspace: Workspace, name: str, recipe: object) -> Run:
    runs = workspace.runs(name)
    if not runs:
        of = "" if name == "*" else f" of {name}"
        raise MlxrError(f"There is no run{of} here yet.", f"mlxr train {recipe}")
    return runs[-1]


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
