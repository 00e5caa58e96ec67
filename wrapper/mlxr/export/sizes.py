"""What a model takes on disk: as it is, and in floats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from mlxr.model import read_config, safetensors_header

_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
"""Of the scales' type, which dequantised weights take; scales in 8 bits give 16-bit floats."""


@dataclass(frozen=True)
class Sizes:
    """Bytes of a model's weights."""

    as_is: int
    floats: int
    """Dequantised; the same where nothing is quantised."""

    @property
    def quantized(self) -> bool:
        """Whether there is a choice."""
        return self.as_is != self.floats


def sizes(model: Path) -> Sizes:
    """Return what the weights in a folder take, from their files' headers."""
    config = read_config(model).values.get("quantization") or {}
    as_is = floats = 0
    for header in map(safetensors_header, sorted(model.glob("model*.safetensors"))):
        tensors = {name: about for name, about in header.items() if name != "__metadata__"}
        as_is += sum(map(_size, tensors.values()))
        floats += sum(_dequantized(tensors, config))
    return Sizes(as_is, floats)


def _size(about: Mapping[str, Any]) -> int:
    first, last = about["data_offsets"]
    return int(last - first)


def _dequantized(tensors: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[int]:
    """Yield the bytes of each tensor in floats; scales and biases go into their weights."""
    for name, about in tensors.items():
        layer, _, part = name.rpartition(".")
        scales = tensors.get(f"{layer}.scales")
        if not scales or part not in {"weight", "scales", "biases"}:
            yield _size(about)
        elif part == "weight":
            own = config.get(layer)
            group = (own if isinstance(own, dict) else config).get("group_size", 64)
            yield prod(scales["shape"]) * int(group) * _BYTES.get(scales["dtype"], 2)
