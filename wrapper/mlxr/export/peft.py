"""The adapter in the format of Hugging Face's PEFT.

PEFT adds (lora_alpha / r) · B·A to a weight, with A of shape (r, in) and B of (out, r)
(https://huggingface.co/docs/peft/package_reference/lora). mlx_lm multiplies by `scale` itself and
keeps both transposed, so lora_alpha = scale · r.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlxr.errors import MlxrError
from mlxr.export.job import Job, Made
from mlxr.files import write_json
from mlxr.model import read_weights, safetensors_header
from mlxr.trained import adapter_config

_PREFIX = "base_model.model."
USE = (
    "from peft import PeftModel",
    "from transformers import AutoModelForCausalLM",
    'model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("BASE"), "FOLDER")',
)


def check(job: Job) -> None:
    """Raise MlxrError where PEFT has no such adapter."""
    config = adapter_config(job.adapter)
    kind = config.get("fine_tune_type", "lora")
    if kind != "lora":
        raise MlxrError(
            f"The run's fine_tune_type is {kind}; as PEFT only lora is written.",
            f"The fused model works everywhere: {job.again} --as mlx",
        )
    header = safetensors_header(job.adapter.weights)
    shapes = {name: about["shape"] for name, about in header.items() if name != "__metadata__"}
    odd = [name for name, shape in shapes.items() if len(shape) != 2 or "embed" in name]
    if odd:
        raise MlxrError(
            f"{odd[0].rpartition('.')[0]} is no linear layer: PEFT has no such update of it.",
            f"The fused model works everywhere: {job.again} --as mlx",
        )
    _check_names(job, {name.rpartition(".")[0] for name in shapes})


def _check_names(job: Job, modules: set[str]) -> None:
    """Raise MlxrError where mlx_lm calls a module otherwise than the files of the base do."""
    weights = read_weights(job.base)
    unknown = sorted(m for m in modules if weights and f"{m}.weight" not in weights.names)
    if unknown:
        raise MlxrError(
            f"{job.base_name} has no weights of the name {unknown[0]}: mlx_lm renames its layers,"
            " and PEFT would not find them.",
            f"The fused model works everywhere: {job.again} --as mlx",
        )


def write(job: Job) -> Made:
    """Write adapter_model.safetensors and adapter_config.json as PEFT reads them."""
    from safetensors.numpy import load_file, save

    tensors = load_file(job.adapter.weights)
    content = save(peft_tensors(tensors), metadata={"format": "pt"})
    (job.folder / "adapter_model.safetensors").write_bytes(content)
    config = adapter_config(job.adapter)
    modules = sorted({name.rpartition(".")[0] for name in tensors})
    table = peft_config(config["lora_parameters"], modules, job.base_name)
    write_json(job.folder / "adapter_config.json", table)
    use = (
        tuple(line.replace("BASE", "ITS ORIGINAL") for line in USE) if job.sizes.quantized else USE
    )
    return Made(use=use, notes=_notes(job), language="python")


def peft_tensors(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Return mlx_lm's lora_a (in, r) and lora_b (r, out) as PEFT's lora_A (r, in), lora_B (out, r).

    NumPy arrays, as they are given.
    """
    import numpy as np

    parts = {"lora_a": "lora_A", "lora_b": "lora_B"}
    found = {}
    for name, value in tensors.items():
        module, _, part = name.rpartition(".")
        found[f"{_PREFIX}{module}.{parts[part]}.weight"] = np.ascontiguousarray(value.T)
    return found


def peft_config(lora: Mapping[str, Any], modules: list[str], base: str) -> dict[str, Any]:
    """Return PEFT's adapter_config.json for mlx_lm's lora_parameters.

    Modules are named in full, so that layers without an update stay without.
    """
    rank, scale = lora["rank"], lora["scale"]
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": scale * rank,
        "lora_dropout": lora.get("dropout", 0.0),
        "target_modules": modules,
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
        "inference_mode": True,
    }


def _notes(job: Job) -> tuple[str, ...]:
    if not job.sizes.quantized:
        return ()
    said = (
        f"The base, {job.base_name}, is quantised for MLX, which transformers cannot load: use the"
        " model it was made from, and set base_model_name_or_path in adapter_config.json to it. It"
        " was trained on the quantised weights: its answers on others are not proved."
    )
    return (said,)
