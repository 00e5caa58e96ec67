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

    keys = list(sweep.standings[0].setting)
    several = [sweep.metric.name, "sd over seeds", "from … to"] if sweep.several_seeds else []
    figures = several or [sweep.metric.name]
    loss = [] if sweep.metric.name == "validation_loss" else ["validation loss"]
    columns = [*(key.rpartition(".")[2] for key in keys), *figures, *loss, "runs"]
    terminal.result()
    terminal.table(columns or ["runs"], [_row(each, sweep, bool(loss)) for each in sweep.standings])
    if sweep.base is not None:
        terminal.result(f"the base model: {sweep.metric.show(sweep.base)}")
    for row in (row for each in sweep.standings for row in each.rows):
        if row.value is None and row.message:
            terminal.result(f"{row.run}: {row.message}")
    for sentence in caution(sweep):
        terminal.result(sentence)
    if sweep.best_recipe and sweep.best:
        written = short(sweep.best_recipe)
        terminal.result(written)
        terminal.next_steps(
            [
                (f"mlxr compare {sweep.best.rows[0].run}", "judge a run of the best on test rows"),
                (f"mlxr train {written}", "train the best anew, with the recipe's own seed"),
            ]
        )
    terminal.document(sweep.to_json())


def _row(standing: Standing, sweep: Sweep, with_loss: bool) -> list[str]:
    metric, values = sweep.metric, standing.values
    cells = [toml(value) for value in standing.setting.values()]
    cells.append(_mean(standing, metric))
    if sweep.several_seeds:
        spread = "–" if standing.sd is None else metric.show_delta(standing.sd).lstrip("+")
        ends = f"{metric.show(min(values))} … {metric.show(max(values))}" if values else "–"
        cells += [spread, ends]
    if with_loss:
        cells.append(figure(standing.loss))
    return [*cells, ", ".join(row.run.rpartition("/")[2] for row in standing.rows)]


def _mean(standing: Standing, metric: Metric) -> str:
    if standing.mean is not None:
        failed = len(standing.rows) - len(standing.values)
        return metric.show(standing.mean) + (f" ({failed} failed)" if failed else "")
    return f"left at {standing.left_at:,}" if standing.left_at else "failed"
