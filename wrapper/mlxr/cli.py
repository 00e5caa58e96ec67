"""The command line: options → one call → exit code. The only importer of typer.

Exit codes: 0 done · 1 failed · 2 usage · 3 compared and regressed · 4 compared but blocked ·
130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from mlxr import __version__, options
from mlxr.errors import MlxrError

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlxr.compare.comparison import Comparison
    from mlxr.recipe import Loaded
    from mlxr.terminal.console import Terminal
    from mlxr.workspace import Adapter, Run, Workspace

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
def demo(as_json: options.Json = False, quiet: options.Quiet = False) -> None:
    """See it all: prep, train and compare on an embedded tiny model, offline."""
    from mlxr import demo as command

    terminal = _terminal(as_json, quiet)
    comparison = command.demo(_here(), terminal.display, terminal.heading)
    _finish(terminal, [comparison], (), [(command.train_longer(), "train longer, in a second run")])


@app.command()
def prep(
    recipe: options.RecipeArgument = None,
    set_: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
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
    recipe: options.RecipeArgument = None,
    count: options.RowCount = 3,
    row: options.Rows = None,
    tokens: options.Tokens = False,
    set_: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
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
    recipe: options.RecipeArgument = None,
    set_: options.Override = None,
    dry_run: options.DryRun = False,
    resume: options.Resume = False,
    ranks: options.RankCount = 1,
    hosts: options.Hosts = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
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
def watch(what: options.RunArgument = None) -> None:
    """Follow a training that was started elsewhere, or see a finished one again."""
    from mlxr.terminal.reports import show_watched
    from mlxr.train import watch as command

    terminal = _terminal(False, False)
    run = _adapter(what, _here()).run
    with terminal.display() as display:
        status = command.watch(run, display)
    show_watched(terminal, run, status)


@app.command()
def compare(
    what: options.Adapters = None,
    predictions: options.Predictions = None,
    columns: options.Columns = None,
    task: options.Task = None,
    out: options.Out = None,
    fail_on: options.FailOn = None,
    explain: options.Explain = None,
    allow_degenerate: options.AllowDegenerate = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Judge runs: base against tuned on the test split; or outputs stored in two files."""
    from mlxr.compare import several, stored
    from mlxr.compare.explain import explained, parse_codes
    from mlxr.terminal.comparisons import show_explanation

    terminal, workspace = _terminal(as_json, quiet), _here()
    if explain:
        show_explanation(terminal, explained(explain))
        return
    codes = parse_codes(fail_on or ())
    if predictions:
        if what and len(what) > 1:
            raise typer.BadParameter("--predictions goes with one RECIPE at most.")
        recipe = _load(Path(what[0]), None).recipe if what else None
        rules, seed = stored.rules_of(recipe, task)
        with terminal.display() as display:
            comparison = stored.compare_stored(
                predictions,
                columns or (),
                rules,
                out or workspace.stored(*predictions),
                display,
                seed=seed,
                allow_degenerate=allow_degenerate,
            )
        _finish(terminal, [comparison], codes)
    if columns or task or out:
        raise typer.BadParameter("--columns, --task and --out go with --predictions.")
    adapters = [_adapter(each, workspace) for each in what] if what else [_adapter(None, workspace)]
    with terminal.display() as display:
        found = several.compare_several(
            adapters, workspace, display, allow_degenerate=allow_degenerate
        )
    _finish(terminal, found, codes)


def _finish(
    terminal: Terminal,
    comparisons: list[Comparison],
    fail_on: Collection[str] = (),
    further: list[tuple[str, str]] | None = None,
) -> NoReturn:
    """Show comparisons and exit with the gravest verdict's code."""
    from mlxr.terminal.comparisons import show_comparison, show_several

    if len(comparisons) == 1:
        show_comparison(terminal, comparisons[0], further or ())
    else:
        show_several(terminal, comparisons)
    raise typer.Exit(max(comparison.exit_code(fail_on) for comparison in comparisons))


def _terminal(as_json: bool, quiet: bool) -> Terminal:
    from mlxr.terminal.console import Terminal

    return Terminal(as_json=as_json, quiet=quiet)


def _here() -> Workspace:
    from mlxr.workspace import Workspace

    return Workspace.here()


def _load(recipe: Path | None, overrides: list[str] | None) -> Loaded:
    from mlxr.recipe import find, load

    return load(recipe or find(Path.cwd()), overrides or ())


def _adapter(what: str | None, workspace: Workspace) -> Adapter:
    """Return what an argument means: a run, its checkpoint, or the newest of a recipe or of all."""
    from mlxr.workspace import Adapter

    if what is not None and not what.endswith(".toml"):
        return workspace.adapter(what)
    if what is None:
        return Adapter(_newest(workspace, "*", "RECIPE"))
    return Adapter(_newest(workspace, _load(Path(what), None).recipe.name, what))


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
