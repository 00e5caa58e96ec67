"""compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from mlxr.cli import meaning, options

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mlxr.compare.comparison import Comparison
    from mlxr.compare.options import Options
    from mlxr.terminal.console import Terminal


def compare(
    what: options.Adapters = None,
    predictions: options.Predictions = None,
    columns: options.Columns = None,
    task: options.Task = None,
    out: options.Out = None,
    shots: options.Shots = None,
    fail_on: options.FailOn = None,
    judge: options.Judge = None,
    bench: options.Bench = False,
    explain: options.Explain = None,
    allow_degenerate: options.AllowDegenerate = False,
    fresh: options.Fresh = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Judge base against tuned on the test rows."""
    from mlxr.compare import several
    from mlxr.compare.explain import explained, parse_codes
    from mlxr.compare.options import Options
    from mlxr.terminal.comparisons import show_explanation

    terminal, workspace = meaning.terminal(as_json, quiet), meaning.here()
    if explain:
        show_explanation(terminal, explained(explain))
        return
    codes = parse_codes(fail_on or ())
    wanted = Options(allow_degenerate=allow_degenerate, judge_model=judge, bench=bench, shots=shots)
    if predictions:
        if shots is not None:
            raise typer.BadParameter("--shots asks a model; stored outputs have none.")
        if bench:
            raise typer.BadParameter("--bench times models; stored outputs have none.")
        if what and len(what) > 1:
            raise typer.BadParameter("--predictions goes with one RECIPE at most.")
        if fresh:
            raise typer.BadParameter("--fresh asks models anew; --predictions asks none.")
        recipe = what[0] if what else None
        found = [_stored(terminal, predictions, columns, recipe, task, out, wanted)]
    else:
        if columns or task or out:
            raise typer.BadParameter("--columns, --task and --out go with --predictions.")
        adapters = [meaning.adapter(each, workspace) for each in what or (None,)]
        with terminal.display() as display:
            found = several.compare_several(adapters, workspace, display, wanted, fresh=fresh)
    finish(terminal, found, codes)


def _stored(
    terminal: Terminal,
    predictions: tuple[Path, Path],
    columns: Sequence[str] | None,
    recipe: str | None,
    task: str | None,
    out: Path | None,
    wanted: Options,
) -> Comparison:
    """Compare stored outputs by the rules of a recipe or a task."""
    from mlxr.compare import stored

    workspace = meaning.here()
    loaded = meaning.load(Path(recipe), None).recipe if recipe is not None else None
    rules, seed = stored.rules_of(loaded, task)
    folder = out or workspace.stored(*predictions)
    with terminal.display() as display:
        return stored.compare_stored(
            predictions,
            columns or (),
            rules,
            folder,
            display,
            seed=seed,
            options=wanted,
            outputs=workspace.outputs,
        )


def finish(
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
