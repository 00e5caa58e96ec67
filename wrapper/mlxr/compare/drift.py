"""How far a tuned model has moved from its base: the divergence of what both expect next.

KL(tuned ‖ base) = Σ p_tuned · (log p_tuned − log p_base) over the whole vocabulary, at each token
of an answer that the tuned model wrote itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlxr.loaded import Arms

LOGITS = 2**25
"""Most logits of one model held at once: 128 MB in float32; some five such arrays are needed."""
ROWS = 64
"""Samples that are measured."""

Row = tuple[list[int], list[int], bool]
"""A prompt, the answer to it, and whether that was ended by the model."""


def written_drift(arms: Arms, rows: Sequence[Row], batch_size: int) -> list[tuple[float, int]]:
    """Return for each row the divergence summed over its answer in nats, and its tokens.

    The end token counts where the model wrote it.
    """
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i][0]) + len(rows[i][1]), i))
    found: dict[int, tuple[float, int]] = {}
    vocabulary = _vocabulary(arms)
    while order:
        last = rows[order[min(batch_size, len(order)) - 1]]
        longest = len(last[0]) + len(last[1])
        size = max(1, min(batch_size, LOGITS // (vocabulary * longest)))
        batch, order = order[:size], order[size:]
        found.update(zip(batch, _batch(arms, [rows[i] for i in batch]), strict=True))
    return [found[i] for i in range(len(rows))]


def _batch(arms: Arms, rows: Sequence[Row]) -> list[tuple[float, int]]:
    import mlx.core as mx
    import numpy as np

    width = max(len(prompt) + len(answer) for prompt, answer, _ in rows)
    tokens = np.zeros((len(rows), width), np.int32)
    written = np.zeros((len(rows), width), bool)
    for i, (prompt, answer, ended) in enumerate(rows):
        tokens[i, : len(prompt) + len(answer)] = [*prompt, *answer]
        first = len(prompt) - 1
        written[i, first : first + len(answer) + ended] = True
    tuned, base = _logits(arms, mx.array(tokens))
    log_tuned, log_base = (each - mx.logsumexp(each, -1, keepdims=True) for each in (tuned, base))
    each_token = (mx.exp(log_tuned) * (log_tuned - log_base)).sum(axis=-1)
    sums = (mx.array(written) * each_token).sum(axis=-1).tolist()
    return [(float(kl), int(n)) for kl, n in zip(sums, written.sum(axis=1), strict=True)]


def _logits(arms: Arms, tokens: Any) -> tuple[Any, Any]:
    """Return the logits of tuned and of base, in float32."""
    import mlx.core as mx

    tuned = arms.use("tuned")(tokens).astype(mx.float32)
    mx.eval(tuned)
    base = arms.use("base")(tokens).astype(mx.float32)
    mx.eval(base)
    return tuned, base


def _vocabulary(arms: Arms) -> int:
    import mlx.core as mx

    return int(arms.use("tuned")(mx.array([[0]])).shape[-1])
