"""runs: the list, and show, diff and rm."""

from __future__ import annotations

import typer

from mlxr.cli import meaning, options

runs = typer.Typer(name="runs", help="Every run with its key numbers; show, diff, rm.")


@runs.callback(invoke_without_command=True)
def list_(context: typer.Context, as_json: options.Json = False) -> None:
    """List every run: how it ended, its loss, its verdict, its size."""
    from mlxr.runs.summary import summaries
    from mlxr.terminal.runs import show_runs

    if context.invoked_subcommand is None:
        show_runs(meaning.terminal(as_json, False), summaries(meaning.here()))


@runs.command()
def show(run: options.OneRun = None, as_json: options.Json = False) -> None:
    """Show everything about a run. Default: the newest."""
    from mlxr.runs.show import details
    from mlxr.terminal.run import show_run

    terminal, workspace = meaning.terminal(as_json, False), meaning.here()
    show_run(terminal, details(meaning.adapter(run, workspace).run, workspace))


@runs.command()
def diff(one: options.FirstRun, other: options.SecondRun, as_json: options.Json = False) -> None:
    """Show what differs between two runs."""
    from mlxr.runs.diff import diff as command
    from mlxr.runs.show import details
    from mlxr.terminal.run import show_diff

    terminal, workspace = meaning.terminal(as_json, False), meaning.here()
    found = [details(meaning.adapter(each, workspace).run, workspace) for each in (one, other)]
    show_diff(terminal, command(*found))


@runs.command()
def rm(
    names: options.DoomedRuns,
    yes: options.Yes = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Remove runs, with their weights and reports."""
    from mlxr.errors import MlxrError
    from mlxr.runs.remove import removable, remove
    from mlxr.terminal.runs import show_doomed, show_removed

    if as_json and not yes:
        raise typer.BadParameter("--json cannot ask; add --yes.")
    terminal = meaning.terminal(as_json, quiet)
    doomed = removable(names, meaning.here())
    show_doomed(terminal, doomed)
    if not yes:
        try:
            agreed = typer.confirm("Remove this for good?", err=True)
        except typer.Abort:
            terminal.aside("")  # the question's line ends here
            raise MlxrError("Nobody answered: nothing was removed.", "Add --yes.") from None
        if not agreed:
            terminal.talk("Nothing was removed.")
            return
    for each in doomed:
        remove(each.run)
    show_removed(terminal, doomed)
