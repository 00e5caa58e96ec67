"""How fast this machine multiplies: one product of each kind that a model has, timed alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from mlxr.plan.anatomy import Product

TOKENS = 256
"""Tokens that pass through at once."""
ROUNDS = 3
SLOW = 0.2
"""Seconds of a computation that is not repeated."""
WIDEST = 4096
"""Inputs or outputs beyond this are left out, and the time taken in proportion."""


def timed(products: Iterable[Product]) -> tuple[Product, ...]:
    """Return the products with the seconds that each takes for a token, on random weights."""
    seconds: dict[tuple[Any, ...], tuple[float, float]] = {}
    found = []
    for each in products:
        key = (each.inputs, each.outputs, each.bits, each.group, each.mode, each.dtype)
        if key not in seconds:
            seconds[key] = _time(each)
        forward, backward = seconds[key]
        found.append(replace(each, forward=forward * each.used, backward=backward * each.used))
    return tuple(found)


def _time(product: Product) -> tuple[float, float]:
    """Return the seconds for a token, forward and for the gradient of the input."""
    import mlx.core as mx
    import mlx.nn as nn

    inputs, outputs = min(product.inputs, WIDEST), min(product.outputs, WIDEST)
    module: Any = nn.Linear(inputs, outputs, bias=False)
    module.set_dtype(getattr(mx, product.dtype))
    if product.bits:
        module = module.to_quantized(product.group, product.bits, product.mode)
    x = mx.random.normal((TOKENS, inputs)).astype(getattr(mx, product.dtype))
    y = mx.random.normal((TOKENS, outputs)).astype(x.dtype)
    mx.eval(module.parameters(), x, y)
    share = product.inputs * product.outputs / (inputs * outputs) / TOKENS
    forward = _mean(lambda: module(x))
    backward = _mean(lambda: mx.vjp(module, [x], [y])[1])
    return forward * share, backward * share


def _mean(compute: Callable[[], Any]) -> float:
    """Return the mean seconds of a computation.

    The first, which prepares kernels, is left out where more of them cost little.
    """
    first = _clock(compute)
    if first > SLOW:
        return first
    return sum(_clock(compute) for _ in range(ROUNDS)) / ROUNDS


def _clock(compute: Callable[[], Any]) -> float:
    import mlx.core as mx

    begin = time.perf_counter()
    mx.eval(compute())
    return time.perf_counter() - begin
