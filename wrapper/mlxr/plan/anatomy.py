"""What a model is made of, as far as time and memory depend on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import read_json
from mlxr.process import Child
from mlxr.train.stage import Plan


@dataclass(frozen=True)
class Request:
    """Passed to the child as one JSON object."""

    folder: str
    """The model's folder; its weights may be missing."""
    layers: int
    """Blocks to train, the last ones; -1 is all of them."""
    fine_tune_type: str
    lora_parameters: dict[str, Any]
    trust_remote_code: bool
    speed: bool
    """Whether to time the matrix products."""
    out: str
    """The file for the answer."""


@dataclass(frozen=True)
class Product:
    """Matrix products of one kind that each token takes part in: inputs → outputs."""

    name: str
    """The module's name inside its block."""
    inputs: int
    outputs: int
    bits: int | None
    """Of a quantised weight; None otherwise."""
    group: int | None
    mode: str | None
    dtype: str
    """Of what is computed with."""
    head: bool
    """Whether it makes the logits."""
    trained: bool
    """Whether the backward pass goes through it."""
    adapted: bool
    """Whether it has weights that are trained."""
    used: int = 1
    """Of several experts, those that a token meets."""
    count: int = 1
    """Such products in the model."""
    forward: float | None = None
    """Seconds per token of one of them; None where nothing was timed."""
    backward: float | None = None
    """The same, for the gradient of its input."""

    @property
    def weights(self) -> int:
        """Weights that a token meets in all of them."""
        return self.inputs * self.outputs * self.used * self.count


@dataclass(frozen=True)
class TrainedKind:
    """The trained parameters of one kind of module."""

    name: str
    modules: int
    parameters: int


@dataclass(frozen=True)
class Anatomy:
    """A model, and what of it is trained."""

    parameters: int
    """All of the model's own."""
    blocks: int
    trained_blocks: int
    heads: int
    """Attention heads of a block; 0 where the model's config names none."""
    trained: tuple[TrainedKind, ...]
    frozen_bytes: int
    trained_bytes: int
    products: tuple[Product, ...]
    memory: float | None
    """What MLX may use on this machine in GB (10^9 bytes), where known."""

    @property
    def trainable(self) -> int:
        """Parameters that training changes."""
        return sum(each.parameters for each in self.trained)

    @property
    def hidden(self) -> int:
        """Numbers that stand for a token between two blocks."""
        return next(each.inputs for each in self.products if each.head)

    @property
    def width(self) -> int:
        """Bytes of each of them."""
        return 4 if self.products[0].dtype == "float32" else 2


def study(plan: Plan, folder: Path, model: Path, *, speed: bool) -> Anatomy:
    """Return the anatomy of the model in `model`, built by a child that works in `folder`.

    Raises MlxrError when mlx_lm cannot build it, or finds nothing to train.
    """
    recipe, out = plan.loaded.recipe, folder / "anatomy.json"
    request = Request(
        folder=str(model),
        layers=plan.config["num_layers"],
        fine_tune_type=recipe.train.fine_tune_type,
        lora_parameters=plan.config["lora_parameters"],
        trust_remote_code=recipe.trust_remote_code,
        speed=speed,
        out=str(out),
    )
    with Child("mlxr.plan.child", [json.dumps(asdict(request))], folder / "anatomy.log") as child:
        for _ in child.events():
            pass
        ended = child.wait()
    if not out.is_file():
        said = ended.tail.splitlines()[-1:] or ["it ended without a word"]
        raise MlxrError(f"mlx_lm cannot build {recipe.model}: {said[0]}", "Check `model`.")
    anatomy = _anatomy(read_json(out))
    if not anatomy.trained:
        raise MlxrError(
            "No module of the model matches train.lora_parameters.keys.", "Check these keys."
        )
    return anatomy


def _anatomy(document: Mapping[str, Any]) -> Anatomy:
    trained = tuple(TrainedKind(**each) for each in document["trained"])
    products = tuple(Product(**each) for each in document["products"])
    return Anatomy(**{**document, "trained": trained, "products": products})
