"""How likely a model finds the expected answers: exact negative log-likelihood.

mlx_lm's own loss counts a padding token as a target of every padded row and drops the last
incomplete batch, so it is no measurement; this is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LOGITS = 2**27
"""Most logits held at once: 512 MB in float32."""


def target_nll(
    model: Any, ids: Sequence[list[int]], offsets: Sequence[int], batch_size: int
) -> list[float]:
    """Return for each row −Σ log p(token | tokens before it) over its target, in nats.

    The target of a row are its tokens from `offset` to the end. Rows are padded on the right,
    which a causal model does not see; the logarithms are taken in float32.
    """
    order = sorted(range(len(ids)), key=lambda i: (len(ids[i]), i))
    found: dict[int, float] = {}
    vocabulary = _vocabulary(model)
    while order:
        longest = len(ids[order[min(batch_size, len(order)) - 1]])
        size = max(1, min(batch_size, LOGITS // (vocabulary * longest)))
        batch, order = order[:size], order[size:]
        sums = _batch(model, [ids[i] for i in batch], [offsets[i] for i in batch])
        found.update(zip(batch, sums, strict=True))
    return [found[i] for i in range(len(ids))]


def _batch(model: Any, rows: list[list[int]], offsets: list[int]) -> list[float]:
    import mlx.core as mx
    import numpy as np

    width = max(map(len, rows))
    tokens = np.zeros((len(rows), width), np.int32)
    scored = np.zeros((len(rows), width - 1), bool)
    for i, (row, offset) in enumerate(zip(rows, offsets, strict=True)):
        tokens[i, : len(row)] = row
        scored[i, max(offset, 1) - 1 : len(row) - 1] = True  # the first token follows nothing
    array = mx.array(tokens)
    logits = model(array[:, :-1]).astype(mx.float32)
    chosen = mx.take_along_axis(logits, array[:, 1:, None], axis=-1).squeeze(-1)
    nll = (mx.logsumexp(logits, axis=-1) - chosen) * mx.array(scored)
    return [float(value) for value in nll.sum(axis=-1).tolist()]


def _vocabulary(model: Any) -> int:
    import mlx.core as mx

    return int(model(mx.array([[0]])).shape[-1])
