"""train, watch and sweep."""

from __future__ import annotations

import typer

from mlxr.cli import meaning, options


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

    terminal = meaning.terminal(as_json, quiet)
    workspace = meaning.here()
    if resume:
        if dry_run or set_ or hosts or ranks > 1:
            raise typer.BadParameter("--resume goes on as the run began: it takes no more options.")
        run = meaning.adapter(str(recipe) if recipe else None, workspace).run
        with terminal.display() as display:
            training = stage.resume(run, workspace, display)
    else:
        loaded = meaning.load(recipe, set_)
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


def watch(
    what: options.RunArgument = None, as_json: options.Json = False, quiet: options.Quiet = False
) -> None:
    """Follow a training from another window, or replay it."""
    from mlxr.terminal.reports import show_watched
    from mlxr.train import watch as command

    terminal = meaning.terminal(as_json, quiet)
    run = meaning.adapter(what, meaning.here()).run
    with terminal.display() as display:
        status = command.watch(run, display)
    show_watched(terminal, run, status)


def sweep(
    recipe: options.RecipeArgument = None,
    grid: options.Grid = None,
    seeds: options.Seeds = None,
    random: options.Random = None,
    halving: options.Halving = False,
    by: options.By = "primary",
    set_: options.Override = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Train several settings; choose on validation rows."""
    from mlxr.sweep import run, space
    from mlxr.terminal.sweeps import show_sweep

    terminal, workspace = meaning.terminal(as_json, quiet), meaning.here()
    if by not in {"primary", "loss"}:
        raise typer.BadParameter("--by is primary or loss.")
    numbers = space.seeds(seeds or "")
    axes = space.parse(grid or ())
    if not axes and len(numbers) < 2:
        raise typer.BadParameter(f"What shall vary? {space.GRID}, or --seeds 1,2,3.")
    loaded = meaning.load(recipe, set_)
    settings = space.draw(axes, random, loaded.recipe.seed) if random else space.grid(axes)
    try:
        with terminal.display() as display:
            found = run.sweep(loaded, settings, numbers, workspace, display, by=by, halving=halving)
    except KeyboardInterrupt:
        terminal.talk("Interrupted and saved; the same command goes on where it stopped.")
        raise
    show_sweep(terminal, found)
