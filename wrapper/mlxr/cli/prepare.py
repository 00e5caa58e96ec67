"""prep, preview, plan and schema."""

from __future__ import annotations

from mlxr.cli import meaning, options


def prep(
    recipe: options.RecipeArgument = None,
    set_: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Pull, render, split, tokenise and audit a recipe's data."""
    from mlxr.prep.stage import prepare
    from mlxr.terminal.reports import show_preparation

    terminal = meaning.terminal(as_json, quiet)
    loaded = meaning.load(recipe, set_)
    with terminal.display() as display:
        preparation = prepare(loaded.recipe, meaning.here(), display)
    show_preparation(terminal, preparation, loaded.typed)


def preview(
    recipe: options.RecipeArgument = None,
    count: options.RowCount = 3,
    row: options.Rows = None,
    tokens: options.Tokens = False,
    set_: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show rows as the model will see them."""
    from mlxr.prep import preview as command
    from mlxr.terminal.preview import show_preview

    terminal = meaning.terminal(as_json, quiet)
    loaded = meaning.load(recipe, set_)
    with terminal.display() as display:
        seen = command.preview(loaded.recipe, display, count, row or ())
    show_preview(terminal, seen, loaded.typed, one_a_line=tokens)


def plan(
    recipe: options.RecipeArgument = None,
    measure: options.Measure = True,
    set_: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Tell time, memory and what the test rows can show."""
    from mlxr.plan.forecast import forecast
    from mlxr.terminal.plan import show_forecast

    terminal = meaning.terminal(as_json, quiet)
    loaded = meaning.load(recipe, set_)
    with terminal.display() as display:
        found = forecast(loaded, meaning.here(), display, measure=measure)
    show_forecast(terminal, found)


def schema(as_json: options.Json = False) -> None:
    """Print the recipe's JSON Schema, for your editor."""
    from mlxr.recipe.editor import json_schema

    del as_json  # it is JSON anyhow
    meaning.terminal(as_json=True, quiet=True).document(json_schema())
