"""What `mlxr plan` says."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlxr.terminal.console import Terminal
from mlxr.terminal.progress import clock
from mlxr.units import byte_size

if TYPE_CHECKING:
    from mlxr.plan.evidence import Evidence
    from mlxr.plan.forecast import Forecast
    from mlxr.plan.optimum import Optimum


def show_forecast(terminal: Terminal, forecast: Forecast) -> None:
    """Show what a training will do, cost and be able to show, and what to type next."""
    from mlxr.plan.optimum import SAYS

    _show_rows(terminal, forecast)
    _show_parameters(terminal, forecast)
    _show_memory(terminal, forecast)
    _show_time(terminal, forecast)
    _show_evidence(terminal, forecast.evidence)
    _show_optimum(terminal, forecast.optimum)
    terminal.result(SAYS, "dim")
    typed = forecast.loaded.typed
    if forecast.need.fits is not False:
        terminal.next_steps([(f"mlxr train {typed}", "train it")])
    terminal.document(_document(forecast))


def _show_rows(terminal: Terminal, forecast: Forecast) -> None:
    length = forecast.length
    terminal.table(
        ["split", "rows", "tokens", "trained on", "padding"],
        [
            [
                split.name,
                f"{split.rows:,}",
                f"{split.tokens:,}",
                f"{split.target_tokens:,}",
                "–" if split.padding is None else _share(split.padding),
            ]
            for split in forecast.splits
        ],
    )
    epochs = length.iterations / length.batches_per_epoch
    terminal.result(
        f"{length.iterations:,} iterations ({length.batches_per_epoch:,} an epoch),"
        f" {length.updates:,} updates ({length.updates / epochs:.4g} an epoch),"
        f" {epochs:.3g} epochs; {forecast.tokens:,} tokens seen, {forecast.target_tokens:,} of"
        " them trained on\n"
    )


def _show_parameters(terminal: Terminal, forecast: Forecast) -> None:
    anatomy = forecast.anatomy
    terminal.table(
        ["trained", "modules", "parameters"],
        [[each.name, f"{each.modules:,}", f"{each.parameters:,}"] for each in anatomy.trained],
    )
    terminal.result(
        f"{anatomy.trainable:,} in {anatomy.trained_blocks} of {anatomy.blocks} blocks:"
        f" {_share(anatomy.trainable / anatomy.parameters)} of the model's"
        f" {anatomy.parameters:,}\n"
    )


def _share(value: float) -> str:
    return f"{100 * value:.3g} %"


def _show_memory(terminal: Terminal, forecast: Forecast) -> None:
    from mlxr.plan.forecast import advice

    need, parts = forecast.need, forecast.need.parts
    how = "measured" if need.measured else "estimated from the model's config"
    limit = "" if need.limit is None else f" of {byte_size(need.limit * 1e9)}"
    other = need.machine is not None and need.machine != need.limit
    machine = f" (the machine has {byte_size((need.machine or 0) * 1e9)})" if other else ""
    batch = need.heaviest
    terminal.result(f"memory  {byte_size(need.peak * 1e9)}{limit}{machine}, {how}")
    terminal.result(
        f"        on the batch that needs most, {len(batch.rows):,} × {batch.width - 1:,} tokens"
    )
    terminal.result(
        f"        by estimate: weights {byte_size(parts.weights)}, trained"
        f" {byte_size(parts.trained)}, activations {byte_size(parts.activations)}, logits"
        f" {byte_size(parts.logits)}"
    )
    if need.fits is False:
        terminal.result("        It does not fit.", "bold red")
        terminal.result(f"        → {advice(forecast.loaded, forecast.fitting)}")


def _show_time(terminal: Terminal, forecast: Forecast) -> None:
    time, need = forecast.duration, forecast.need
    how = "measured on a few real steps" if need.measured else "estimated"
    terminal.result(
        f"time    {clock(time.total)}, between {clock(time.low)} and {clock(time.high)}, {how}"
    )
    parts = [
        f"an iteration {_seconds(time.iteration)}",
        f"a validation {_seconds(time.validation)}",
    ]
    if time.begin is not None:
        parts.append(f"until it begins {_seconds(time.begin)}")
    terminal.result(f"        {', '.join(parts)}")
    if not need.measured:
        terminal.result(
            "        from its matrix products, each kind timed alone; all else is left out"
        )


def _seconds(value: float) -> str:
    """Return a short time with its unit, a long one as a clock shows it."""
    if value >= 100:
        return clock(value)
    return f"{value:.2f} s" if value >= 0.1 else f"{1000 * value:.1f} ms"


def _show_evidence(terminal: Terminal, evidence: Evidence) -> None:
    what = "" if evidence.share else f" of a share ({evidence.primary} is not one)"
    terminal.result(
        f"\ntest    {_rows(evidence.rows)}; the smallest difference{what} that they show, with"
        f" 80 % power at 5 %:\n        {_smallest(evidence)}"
    )
    if not evidence.verdict:
        terminal.result("        Too few for a verdict.", "yellow")
    if evidence.min_effect and not evidence.share:
        terminal.result(
            f"        Whether compare.min_effect = {evidence.min_effect:g} can be seen depends on"
            f" how {evidence.primary} varies, which only comparing tells."
        )
    if evidence.needed is not None:
        enough = evidence.needed <= evidence.rows
        words = "which is enough" if enough else "and there are fewer"
        terminal.result(
            f"        compare.min_effect = {evidence.min_effect:g} of {evidence.primary} takes"
            f" about {evidence.needed:,} rows, {words}",
            "" if enough else "yellow",
        )


def _smallest(evidence: Evidence) -> str:
    words = " where base and tuned differ in"
    said = []
    for each in evidence.shown:
        if each.smallest is not None:
            said.append(f"{100 * each.smallest:.0f} points{words} {_share(each.differ)}")
            words = " in"
    return f"{' · '.join(said)} of them" if said else "none: they are too few"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _show_optimum(terminal: Terminal, optimum: Optimum) -> None:
    nd = optimum.parameters * optimum.tokens
    each = f"{optimum.tokens / optimum.parameters:.3g}"
    terminal.result(
        "\ncompute-optimal view (Hoffmann et al. 2022, arXiv:2203.15556): N parameters are best"
        "\n        trained from nothing on D = 20·N tokens, with C = 6·N·D operations"
    )
    terminal.table(
        ["", "N", "D", "D / N", "C"],
        [
            [
                "this model, from nothing",
                f"{optimum.parameters:,}",
                f"{optimum.optimal_tokens:,}",
                "20",
                f"{optimum.optimal:.3g}",
            ],
            [
                "this run, all weights trained",
                f"{optimum.parameters:,}",
                f"{optimum.tokens:,}",
                each,
                f"{optimum.rule:.3g}",
            ],
            [
                f"this run, as it is ({optimum.spent / nd:.2g}·N·D)",
                f"{optimum.parameters:,}",
                f"{optimum.tokens:,}",
                each,
                f"{optimum.spent:.3g}",
            ],
        ],
    )


def _document(forecast: Forecast) -> dict[str, Any]:
    """Return the forecast as JSON, every number of it."""
    need = forecast.need
    parts = asdict(need.parts) | {"total": need.parts.total}
    anatomy = asdict(forecast.anatomy)
    anatomy["trainable"] = forecast.anatomy.trainable
    del anatomy["memory"]
    return {
        "recipe": str(forecast.loaded.path),
        "model": forecast.loaded.recipe.model,
        "splits": [asdict(split) for split in forecast.splits],
        "length": asdict(forecast.length),
        "tokens": forecast.tokens,
        "target_tokens": forecast.target_tokens,
        "anatomy": anatomy,
        "memory": {
            "peak": need.peak,
            "measured": need.measured,
            "limit": need.limit,
            "machine": need.machine,
            "fits": need.fits,
            "estimate_bytes": parts,
            "heaviest_batch": {"rows": len(need.heaviest.rows), "tokens": need.heaviest.width - 1},
            "fitting": forecast.fitting,
        },
        "time": asdict(forecast.duration) | {"measured": need.measured},
        "test": asdict(forecast.evidence),
        "compute_optimal": asdict(forecast.optimum),
    }
