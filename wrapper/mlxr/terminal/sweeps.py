"""What `mlxr sweep` says at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlxr.recipe.overlay import toml
from mlxr.terminal.console import Terminal
from mlxr.terminal.progress import figure
from mlxr.terminal.reports import short

if TYPE_CHECKING:
    from mlxr.compare.metric import Metric
    from mlxr.sweep.found import Sweep
    from mlxr.sweep.standing import Standing


def show_sweep(terminal: Terminal, sweep: Sweep) -> None:
    """Show the settings, the best first, what the table does not tell, and what to type next."""
    from mlxr.sweep.found import caution

    terminal.result()
    terminal.table(_columns(sweep), [_row(each, sweep) for each in sweep.standings])
    if sweep.base is not None:
        terminal.result(f"the base model: {sweep.metric.show(sweep.base)}")
    for row in (row for each in sweep.standings if not each.left_at for row in each.rows):
        if row.message:
            terminal.result(f"{row.run} failed: {row.message}")
    for sentence in caution(sweep):
        terminal.result(sentence)
    steps = []
    if sweep.best:
        judged = "judge a run of the best on test rows" if sweep.best_recipe else "judge it"
        steps.append((f"mlxr compare {sweep.best.rows[0].run}", judged))
    if sweep.best_recipe:
        written = short(sweep.best_recipe)
        terminal.result(written)
        if sweep.several_seeds:  # else it would be the very run that there is
            said = "train the best anew, with the recipe's own seed"
            steps.append((f"mlxr train {written}", said))
    terminal.next_steps(steps)
    terminal.document(sweep.to_json())


def _columns(sweep: Sweep) -> list[str]:
    metric = sweep.metric
    columns = [key.rpartition(".")[2] for key in sweep.standings[0].setting]
    columns.append(f"{metric.name} ({metric.unit})" if metric.unit else metric.name)
    if sweep.several_seeds:
        columns += ["sd over seeds", "from … to"]
    if metric.name != LOSS:
        columns.append("validation loss")
    return [*columns, "runs"]


LOSS = "validation_loss"


def _row(standing: Standing, sweep: Sweep) -> list[str]:
    metric, values = sweep.metric, standing.values
    cells = [toml(value) for value in standing.setting.values()]
    cells.append(_mean(standing, metric))
    if sweep.several_seeds:
        ends = (_plain(metric, end(values)) for end in (min, max)) if values else ("–",)
        cells += [_spread(metric, standing.sd), " … ".join(ends)]
    if metric.name != LOSS:
        cells.append(figure(standing.loss))
    return [*cells, ", ".join(row.run.rpartition("/")[2] for row in standing.rows)]


def _plain(metric: Metric, value: float) -> str:
    """Return a value without its unit, which stands above it."""
    return metric.show(value).removesuffix(f" {metric.unit}")


def _spread(metric: Metric, spread: float | None) -> str:
    if spread is None:
        return "–"
    return metric.show_delta(spread).lstrip("+").removesuffix(f" {metric.unit}")


def _mean(standing: Standing, metric: Metric) -> str:
    if standing.mean is not None:
        failed = len(standing.rows) - len(standing.values)
        return _plain(metric, standing.mean) + (f" ({failed} failed)" if failed else "")
    return f"left at {standing.left_at:,}" if standing.left_at else "failed"
