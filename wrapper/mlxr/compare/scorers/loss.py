"""How likely a model finds the target: the sums behind the losses, and their metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Value


def per_token(sums: Sequence[float]) -> float:
    """Return nats per token of (nats, tokens)."""
    nll, tokens = sums
    return nll / tokens


def _per_byte(sums: Sequence[float]) -> float:
    nll, size = sums
    return nll / (math.log(2) * size)


PER_TOKEN = Metric(
    "nll_per_token",
    "ratio",
    higher_is_better=False,
    title="loss on the target",
    explanation="Negative log-likelihood of the targets, per target token.",
    aggregate=per_token,
    unit="nats/token",
    tie_band=0.01,
    likelihood=True,
)
PER_BYTE = Metric(
    "bits_per_byte",
    "ratio",
    higher_is_better=False,
    title="bits per byte",
    explanation="The same loss per byte of text, comparable across tokenizers.",
    aggregate=_per_byte,
    unit="bits/byte",
    likelihood=True,
)


def likelihood(output: Output) -> dict[str, Value]:
    """Return the sums behind both losses; nothing where the loss was not measured."""
    if output.nll is None or not math.isfinite(output.nll):
        return {}
    sizes = {"nll_per_token": output.target_tokens, "bits_per_byte": output.target_bytes}
    return {name: (output.nll, float(size)) for name, size in sizes.items() if size > 0}
