"""GGUF, as far as mlx-lm writes it, and told beforehand where it cannot.

What mlx_lm 0.32.2 can (mlx_lm/fuse.py, gguf.py): Llama, Mistral and Mixtral in 16-bit floats. It
writes every vocabulary as SentencePiece and only linear RoPE scaling, so that a model with a
byte-level tokenizer (as Llama 3) or another scaling would come out whole and wrong.
"""

from __future__ import annotations

from typing import Any

from mlxr.errors import MlxrError
from mlxr.export import fused
from mlxr.export.job import Job, Made
from mlxr.files import read_json
from mlxr.model import read_config

TYPES = ("llama", "mixtral", "mistral")
"""Values of model_type that mlx_lm converts."""
NAME = "model.gguf"
_INSTEAD = (
    "Export floats, {again}, and convert them with llama.cpp: convert_hf_to_gguf.py FOLDER"
    " --outfile model.gguf"
)


def check(job: Job) -> None:
    """Raise MlxrError, before any work, where mlx-lm cannot write this model as GGUF."""
    reason = obstacle(read_config(job.base).values, _tokenizer(job))
    if reason:
        raise MlxrError(
            f"mlx-lm cannot write {job.base_name} as GGUF: {reason}.",
            _INSTEAD.format(again=f"{job.again} --as mlx"),
        )
    fused.check(job, copies=2)  # it is made from the fused model


def obstacle(config: dict[str, Any], tokenizer: dict[str, Any] | None) -> str:
    """Return why mlx_lm cannot write a model with these files as GGUF; "" where it can."""
    kind, scaling = config.get("model_type"), config.get("rope_scaling") or {}
    if kind not in TYPES:
        return f"its model_type is {kind}, and it converts only {', '.join(TYPES)}"
    if tokenizer is None:
        return "it has no tokenizer.json"
    if not _is_sentencepiece(tokenizer.get("model") or {}):
        return "its tokenizer is not SentencePiece, which is all it writes"
    rope = scaling.get("rope_type") or scaling.get("type")
    if rope not in {None, "default", "linear"}:
        return f"its RoPE scaling is {rope}, which it leaves out"
    return ""


def _tokenizer(job: Job) -> dict[str, Any] | None:
    path = job.base / "tokenizer.json"
    return dict(read_json(path)) if path.is_file() else None


def _is_sentencepiece(model: dict[str, Any]) -> bool:
    """Tell whether the model of a tokenizer.json was made from a SentencePiece one."""
    return bool(model.get("byte_fallback")) or model.get("type") == "Unigram"


def write(job: Job) -> Made:
    """Fuse and prove in floats, and keep the GGUF file of it."""
    proof = fused.fuse(job, gguf=NAME)
    fused.clear(job.folder, keep=NAME)
    notes = (
        "The proof was made on the fused floats, before mlx-lm turned them into 16-bit GGUF.",
        "mlx-lm writes no scores of the vocabulary: where llama.cpp cuts a text into other tokens,"
        " its convert_hf_to_gguf.py on the fused model (--as mlx) does better.",
    )
    return Made(use=(f"llama-cli -m FOLDER/{NAME} -p '…'",), proof=proof, notes=notes)
