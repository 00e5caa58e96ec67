"""The matrix products by which a token passes through a model, read off its modules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from mlxr.model import ModelConfig
from mlxr.plan.anatomy import Product


def products(
    modules: Mapping[str, Any],
    blocks: int,
    trained_blocks: int,
    adapted: Collection[str],
    config: ModelConfig,
) -> tuple[Product, ...]:
    """Return the products of a model's `modules` (by name, before any adapter), like ones counted.

    `adapted` are the names of those with trained weights. The head is what multiplies outside
    the blocks, or else the embedding, whose weights it then shares.
    """
    found: Counter[Product] = Counter()
    outside: list[Product] = []
    shared: list[Product] = []
    for name, module in modules.items():
        if not _multiplies(module):
            continue
        number = re.search(r"\.(\d+)\.", name)
        trained = number is None or int(number[1]) >= blocks - trained_blocks
        product = _product(name, module, config, trained=trained, adapted=name in adapted)
        if number:
            found[product] += 1
        elif _embeds(module):
            shared.append(product)
        else:
            outside.append(product)
    heads = outside or sorted(shared, key=lambda each: each.outputs)[-1:]  # not the positions
    counted = [replace(product, count=count) for product, count in found.items()]
    return (*counted, *(replace(head, head=True) for head in heads))


def _multiplies(module: Any) -> bool:
    weight = module.get("weight") if hasattr(module, "get") else None
    return weight is not None and weight.ndim in (2, 3)


def _embeds(module: Any) -> bool:
    import mlx.nn as nn

    return isinstance(module, nn.Embedding | nn.QuantizedEmbedding)


def _product(
    name: str, module: Any, config: ModelConfig, *, trained: bool, adapted: bool
) -> Product:
    weight, bits = module.weight, getattr(module, "bits", None)
    return Product(
        name=re.sub(r"^.*?\.\d+\.", "", name),
        inputs=weight.shape[-1] * 32 // bits if bits else weight.shape[-1],
        outputs=weight.shape[-2],
        bits=bits,
        group=getattr(module, "group_size", None),
        mode=getattr(module, "mode", None),
        dtype=_dtype(module),
        head=False,
        trained=trained,
        adapted=adapted,
        used=config.experts if weight.ndim == 3 else 1,
    )


def _dtype(module: Any) -> str:
    """Return what a module computes in; of a weight in 4 or 8 bits its scales tell, if floats."""
    import mlx.core as mx

    precise = module.scales if "scales" in module else module.weight
    return (
        str(precise.dtype).rpartition(".")[2]
        if mx.issubdtype(precise.dtype, mx.floating)
        else "bfloat16"
    )
