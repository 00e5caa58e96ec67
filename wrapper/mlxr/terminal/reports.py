"""What each command says at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxr.recipe.overlay import leaves, toml
from mlxr.terminal.console import Terminal
from mlxr.terminal.progress import clock, figure
from mlxr.units import byte_size

if TYPE_CHECKING:
    from mlxr.prep.audit.findings import Finding
    from mlxr.prep.stage import Preparation
    from mlxr.train.result import Training
    from mlxr.train.stage import Plan
    from mlxr.workspace import Run

_MARKS = {"error": "✗", "warning": "!", "info": "·"}


def show_findings(terminal: Terminal, findings: Sequence[Finding]) -> None:
    """Say what the audit found, where, and what to do."""
    for finding in findings:
        terminal.result(f"{_MARKS[finding.level]} {finding.code}: {finding.message}")
        if finding.examples and finding.level != "info":
            terminal.result(f"    {', '.join(finding.examples)}")
        if finding.level != "info":
            terminal.result(f"    → {finding.fix}")


def show_preparation(terminal: Terminal, preparation: Preparation, recipe: str) -> None:
    """Say what was prepared and what the audit found; `recipe` is what names it in a command."""
    show_findings(terminal, preparation.findings)
    terminal.table(
        ["split", "rows", "tokens", "trained on"],
        [
            [
                split,
                f"{rows:,}",
                f"{preparation.tokens[split]:,}",
                f"{preparation.target_tokens[split]:,}",
            ]
            for split, rows in preparation.rows.items()
        ],
    )
    terminal.result(f"{short(preparation.prepared.folder)} · {preparation.seconds:.1f} s")
    terminal.next_steps([(f"mlxr train {recipe}", "train on it")])
    terminal.document(
        {
            "folder": str(preparation.prepared.folder),
            "unchanged": preparation.unchanged,
            "rows": dict(preparation.rows),
            "tokens": dict(preparation.tokens),
            "target_tokens": dict(preparation.target_tokens),
            "findings": [finding.to_json() for finding in preparation.findings],
        }
    )


def show_plan(terminal: Terminal, plan: Plan) -> None:
    """Show every final value with its origin, and the plain command."""
    from mlxr.train.config import command

    loaded = plan.loaded
    values = leaves(loaded.recipe.model_dump(mode="json"))
    for key, value in values.items():
        line = f"{key} = {toml(value)}  # {_origin(loaded.origins, key)}"
        terminal.result(f"# {key} is not set" if value is None else line)
    length = plan.length
    terminal.result(
        f"{length.iterations:,} iterations ({length.batches_per_epoch:,} an epoch),"
        f" {length.updates:,} optimizer updates, validation every {length.steps_per_eval:,},"
        f" checkpoint every {length.save_every:,}"
    )
    terminal.result("\nPlain mlx-lm on the same rows, with this configuration as mlx_lm.yaml:")
    plain = command(Path("mlx_lm.yaml"), trust_remote_code=loaded.recipe.trust_remote_code)
    terminal.result(f"  {plain}\n")
    for key, value in plan.config.items():
        terminal.result(f"  {key}: {_yaml(value)}")
    if loaded.recipe.chat_template:
        terminal.result(
            f"\nmlx_lm takes a chat template from the model's folder alone: give it a copy of the"
            f" model with {loaded.recipe.chat_template} as chat_template.jinja. A run of mlxr has"
            " one in its folder model/."
        )
    document = {"recipe": loaded.recipe.model_dump(mode="json"), "origins": dict(loaded.origins)}
    terminal.document(
        document
        | {
            "length": asdict(length),
            "mlx_lm": dict(plan.config),
            "command": plain,
        }
    )


def show_training(terminal: Terminal, training: Training) -> None:
    """Say how a run ended and what to type next."""
    reasons = {
        "done": "Trained",
        "patience": "Stopped early: the validation loss no longer fell. Trained",
        "interrupted": "Interrupted and saved. Trained",
    }
    if not training.iterations:
        terminal.result("Interrupted before the first iteration; there was nothing to save.")
        terminal.document(_training_document(training))
        return
    memory = f", {byte_size(training.peak_memory * 1e9)} at most" if training.peak_memory else ""
    terminal.result(
        f"{reasons[training.reason]} {training.iterations:,} iterations"
        f" in {clock(training.seconds)}{memory}."
    )
    if training.best_loss is not None:
        terminal.result(
            f"Validation loss {figure(training.base_loss)} before,"
            f" {figure(training.best_loss)} at iteration {training.best_iteration:,} (kept)."
        )
        if training.base_loss is not None and training.best_loss >= training.base_loss:
            terminal.warn("Training never made the validation loss lower than the base model's.")
    terminal.result(f"{short(training.run.folder)}")
    if training.reason == "interrupted":
        terminal.next_steps([(f"mlxr train {training.recipe} --resume", "go on exactly there")])
    else:
        terminal.next_steps([(f"mlxr compare {training.run.name}", "base against tuned")])
    terminal.document(_training_document(training))


def show_watched(terminal: Terminal, run: Run, status: str) -> None:
    """Say how the run that was looked on at has ended, if it has."""
    words = {
        "running": "Still training; mlxr watch looks on again.",
        "done": "Trained to its end.",
        "patience": "Stopped early: the validation loss no longer fell.",
        "interrupted": "Interrupted and saved.",
        "paused": "Paused by a sweep, and saved.",
        "killed": "Ended by the system or by a person, without saving.",
        "nonfinite": "Failed: something was no longer a finite number.",
        "memory": "Failed: memory ran out.",
        "disk": "Failed: the disk was full.",
        "error": "Failed.",
    }
    terminal.result(f"{run.name}: {words[status]}")
    terminal.result(f"{short(run.folder)}")
    terminal.document({"run": run.name, "folder": str(run.folder), "status": status})


def _training_document(training: Training) -> dict[str, Any]:
    return {**asdict(training), "run": training.run.name, "recipe": str(training.recipe)}


def _origin(origins: Mapping[str, str], key: str) -> str:
    """Return who set a key: itself, or the table it came with."""
    place = key
    while place:
        if place in origins:
            return origins[place]
        place = place.rpartition(".")[0]
    return "default"


def _yaml(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


def short(path: Path) -> str:
    """Return a path as seen from here, where it is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
