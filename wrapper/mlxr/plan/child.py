"""The child that asks mlx_lm what a model is made of, without reading its weights.

    python -m mlxr.plan.child FD REQUEST

REQUEST is a JSON object (see `Request`); the answer, an `Anatomy`, goes to its file `out`. mlx_lm
builds the model and makes its layers trainable as it will for training. MLX is lazy: of the
weights only the headers are read, and a model whose weights are not here yet is built all the
same.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlxr.files import write_json
from mlxr.model import ModelConfig
from mlxr.plan.anatomy import Anatomy, Request, TrainedKind
from mlxr.plan.products import products
from mlxr.plan.speed import timed
from mlxr.train.start import memory_limit


def main(request: Request) -> None:
    """Write the model's anatomy; raises what mlx_lm raises."""
    from mlx.utils import tree_flatten
    from mlx_lm.utils import get_total_parameters

    model, config = build(request)
    blocks, parameters = len(model.layers), get_total_parameters(model)
    trained_blocks = min(request.layers, blocks) if request.layers > 0 else blocks
    modules = dict(model.named_modules())
    make_trainable(model, request)
    trained = dict(tree_flatten(model.trainable_parameters()))
    adapted = {name.rpartition(".")[0] for name in trained}
    found = products(modules, blocks, trained_blocks, adapted, config)
    every = dict(tree_flatten(model.parameters()))
    anatomy = Anatomy(
        parameters=parameters,
        blocks=blocks,
        trained_blocks=trained_blocks,
        heads=config.heads or 0,
        trained=_kinds(trained),
        frozen_bytes=sum(v.nbytes for k, v in every.items() if k not in trained),
        trained_bytes=sum(v.nbytes for v in trained.values()),
        products=timed(found) if request.speed else found,
        memory=memory_limit(),
    )
    write_json(Path(request.out), asdict(anatomy))


def build(request: Request) -> tuple[Any, ModelConfig]:
    """Return mlx_lm's model and its config, its weights unread or, where they lack, made up."""
    from mlx_lm.utils import load_model

    folder = Path(request.folder)
    trust = request.trust_remote_code
    model, config = load_model(folder, lazy=True, strict=False, trust_remote_code=trust)
    if not list(folder.glob("model*.safetensors")):
        _as_configured(model, ModelConfig(config))
    return model, ModelConfig(config)


def _as_configured(model: Any, config: ModelConfig) -> None:
    """Give made-up weights the type that a config tells."""
    import mlx.core as mx
    import mlx.nn as nn

    model.set_dtype(getattr(mx, config.dtype))
    told = config.values.get("quantization")
    if told:
        given = {key: told[key] for key in ("group_size", "bits", "mode") if key in told}
        nn.quantize(model, **given, class_predicate=_as_told(told))


def _as_told(quantization: Mapping[str, Any]) -> Callable[[str, Any], Any]:
    """Return which modules a config's table quantises, as mlx_lm's `load_model` takes it."""

    def predicate(name: str, module: Any) -> Any:
        if name in quantization:
            return quantization[name]
        fits = hasattr(module, "to_quantized")
        return fits and module.weight.shape[-1] % quantization["group_size"] == 0

    return predicate


def make_trainable(model: Any, request: Request) -> None:
    """Freeze a model but for what is trained, as `train_model` in mlx_lm/lora.py does."""
    from mlx_lm.tuner.utils import linear_to_lora_layers

    model.freeze()
    if request.fine_tune_type == "full":
        for layer in model.layers[-max(request.layers, 0) :]:
            layer.unfreeze()
        return
    dora = request.fine_tune_type == "dora"
    linear_to_lora_layers(model, request.layers, request.lora_parameters, use_dora=dora)


def _kinds(trained: Mapping[str, Any]) -> tuple[TrainedKind, ...]:
    """Return the trained parameters by kind of module."""
    parameters: Counter[str] = Counter()
    modules: dict[str, set[str]] = {}
    for name, value in trained.items():
        module = name.rpartition(".")[0]
        kind = re.sub(r"^.*?\.\d+\.", "", module)  # its name inside the block
        parameters[kind] += value.size
        modules.setdefault(kind, set()).add(module)
    return tuple(TrainedKind(kind, len(modules[kind]), count) for kind, count in parameters.items())


if __name__ == "__main__":
    main(Request(**json.loads(sys.argv[2])))
