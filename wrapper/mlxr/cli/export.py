"""export."""

from __future__ import annotations

import typer

from mlxr.cli import meaning, options


def export(
    what: options.AdapterArgument = None,
    form: options.Form = "mlx",
    to: options.To = None,
    dequantize: options.Dequantize = True,
    allow_lossy: options.AllowLossy = False,
    prompts: options.ProofPrompts = 64,
    push: options.PushTo = None,
    public: options.Public = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Hand a run on: fused, GGUF, Ollama, PEFT, to the Hub."""
    from mlxr.export.hub import Push
    from mlxr.export.job import Wish
    from mlxr.export.stage import export as command
    from mlxr.terminal.exports import show_export

    if public and not push:
        raise typer.BadParameter("--public goes with --push.")
    if not dequantize and form != "mlx":
        raise typer.BadParameter("--requantize goes with --as mlx.")
    terminal, workspace = meaning.terminal(as_json, quiet), meaning.here()
    adapter = meaning.adapter(what, workspace)
    with terminal.display() as display:
        exported = command(
            adapter,
            workspace,
            Wish(form, dequantize=dequantize, allow_lossy=allow_lossy, prompts=prompts),
            display,
            to=to,
            push=Push(push, public) if push else None,
        )
    show_export(terminal, exported)
