"""What cannot work, said before anything is loaded: mlx_lm finds it out minutes later, or never.

Each check returns what is wrong and the next thing to change, or None.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from mlxr.errors import MlxrError
from mlxr.files import read_json
from mlxr.model import ModelConfig, Weights, safetensors_header
from mlxr.recipe import Train

OPTIMIZER_ARGUMENTS = {
    "adam": "betas eps bias_correction",
    "adamw": "betas eps weight_decay bias_correction",
    "muon": "momentum weight_decay nesterov ns_steps",
    "sgd": "momentum weight_decay dampening nesterov",
    "adafactor": "eps clip_threshold decay_rate beta_1 weight_decay scale_parameter relative_step"
    " warmup_init",
}
"""What `optimizer_config` may hold: the arguments of MLX's optimizers but the learning rate."""


def check(train: Train, model: ModelConfig, weights: Weights | None) -> None:
    """Raise MlxrError when this model cannot be trained so.

    `weights` are None where the model's weights are not on this machine yet.
    """
    found = (
        _full_of_quantised(train, model)
        or _too_many_layers(train, model)
        or _unknown_argument(train)
        or _missing_service(train)
        or (weights and _unmatched_key(train, weights))
        or _unfit_adapter(train)
    )
    if found:
        raise found


def _full_of_quantised(train: Train, model: ModelConfig) -> MlxrError | None:
    if train.fine_tune_type != "full" or not model.quantized:
        return None
    return MlxrError(
        'train.fine_tune_type = "full" cannot train a quantised model: its weights are integers.',
        'Use fine_tune_type = "lora" (or "dora"), or name an unquantised model.',
    )


def _too_many_layers(train: Train, model: ModelConfig) -> MlxrError | None:
    chosen = "num_layers" in train.model_fields_set
    if not chosen or model.layers is None or train.num_layers <= model.layers:
        return None
    return MlxrError(
        f"train.num_layers = {train.num_layers}, but the model has {model.layers} layers.",
        f"Set train.num_layers = {model.layers} or less; -1 trains all of them.",
    )


def _unknown_argument(train: Train) -> MlxrError | None:
    known = OPTIMIZER_ARGUMENTS[train.optimizer].split()
    unknown = [name for name in train.optimizer_config if name not in known]
    if not unknown:
        return None
    return MlxrError(
        f"train.optimizer_config: {train.optimizer} takes no {unknown[0]}.",
        f"It takes {', '.join(known)}.",
    )


SERVICES = {"tensorboard": "tensorboardX"}
"""Modules of the services of `report_to`, where they are not called the same."""


def _missing_service(train: Train) -> MlxrError | None:
    names = [name.strip().lower() for name in (train.report_to or "").split(",")]
    missing = [SERVICES.get(name, name) for name in names if name]
    missing = [module for module in missing if not find_spec(module)]
    if not missing:
        return None
    return MlxrError(
        f'train.report_to = "{train.report_to}", but {missing[0]} is not installed.',
        f"pip install {missing[0]}",
    )


def _unmatched_key(train: Train, weights: Weights) -> MlxrError | None:
    """Find a LoRA key that names no module of the model; mlx_lm would leave it out silently.

    Where mlx_lm may rename weights on loading, only a name that occurs nowhere is one.
    """
    if train.fine_tune_type == "full":
        return None
    modules = {name.rpartition(".")[0] for name in weights.names}
    inside = {re.sub(r"^.*?\.\d+\.", "", module) for module in modules}
    parts = {part for module in modules for part in module.split(".")}
    for key in train.lora_parameters.keys or []:
        exact = key in inside or key in modules
        if not exact and (weights.exact or key.rpartition(".")[2] not in parts):
            shown = {re.sub(r"\.\d+", "", name) for name in inside if "norm" not in name}
            return MlxrError(
                f'train.lora_parameters.keys: the model has no module "{key}".',
                f"It has {', '.join(sorted(shown))}.",
            )
    return None


def _unfit_adapter(train: Train) -> MlxrError | None:
    """Find an adapter to begin from that is not of this recipe's kind.

    mlx_lm would ignore its weights, or take a shape that the configuration does not tell.
    """
    if train.resume_adapter_file is None:
        return None
    file = Path(train.resume_adapter_file)
    if not file.is_file():
        return MlxrError(
            f"train.resume_adapter_file: {file} does not exist, or is a folder.",
            "Name the .safetensors file, as adapters/my/0001/adapters.safetensors.",
        )
    leaves = {name.rpartition(".")[2] for name in safetensors_header(file)}
    kind = "dora" if leaves >= {"lora_a", "m"} else "lora" if "lora_a" in leaves else "full"
    if kind != train.fine_tune_type:
        return MlxrError(
            f"train.resume_adapter_file: {file} holds {kind} weights, and the recipe trains"
            f' "{train.fine_tune_type}".',
            f'Set train.fine_tune_type = "{kind}", or name another file.',
        )
    beside = file.with_name("adapter_config.json")
    told = (read_json(beside).get("lora_parameters") or {}) if beside.is_file() else {}
    rank = told.get("rank", train.lora_parameters.rank)
    if kind != "full" and rank != train.lora_parameters.rank:
        return MlxrError(
            f"train.resume_adapter_file: {file} has rank {rank}, and the recipe"
            f" {train.lora_parameters.rank}.",
            f"Set train.lora_parameters.rank = {rank}.",
        )
    return None
