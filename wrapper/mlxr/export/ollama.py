"""Ollama: the fused model in floats, with a Modelfile that asks it as it was trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlxr.errors import MlxrError
from mlxr.export import fused
from mlxr.export.chat_form import read_form
from mlxr.export.job import Job, Made
from mlxr.files import read_json, read_jsonl, write_json, write_text

MODELFILE = "Modelfile"
_QUOTES = '"""'
"""What begins and ends a text in a Modelfile."""


def check(job: Job) -> None:
    """Raise MlxrError, before any work, where the chat template has no such form."""
    modelfile(job)
    fused.check(job)


def write(job: Job) -> Made:
    """Fuse, prove, and write the Modelfile beside the weights."""
    proof = fused.fuse(job)
    write_text(job.folder / MODELFILE, modelfile(job))
    _leave_bos(job)
    notes = [
        "Ollama reads safetensors of some architectures only. If `ollama create` refuses this one,"
        " convert the folder with llama.cpp's convert_hf_to_gguf.py and name that file after FROM."
    ]
    if any("tools" in row for row in _test_rows(job)):
        notes.append("It was trained with tools, and the TEMPLATE has none.")
    name = job.recipe.name.lower()
    use = (f"cd FOLDER && ollama create {name} -f {MODELFILE}", f"ollama run {name}")
    return Made(use=use, proof=proof, notes=tuple(notes))


def modelfile(job: Job) -> str:
    """Return the Modelfile; raises MlxrError where the chat template cannot be put in its form.

    Greedy decoding, as in `mlxr compare`: what it found holds for that.
    """
    lines = ["FROM .", f"TEMPLATE {_quoted(read_form(job.tokenizer).go_template())}"]
    if system := _system(job):
        lines.append(f"SYSTEM {_quoted(system)}")
    ends = [job.tokenizer.decode([token]) for token in sorted(job.tokenizer.eos_ids)]
    lines += ["PARAMETER temperature 0", *(f'PARAMETER stop "{end}"' for end in ends)]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    if _QUOTES in text:
        raise MlxrError(
            f"A Modelfile cannot hold {_QUOTES}, which the chat template or system message has.",
            "Export the fused model, --as mlx, and write a Modelfile for it by hand.",
        )
    return f"{_QUOTES}{text}{_QUOTES}"


def _leave_bos(job: Job) -> None:
    """Tell Ollama to put no token first: the TEMPLATE writes all that the model was trained on."""
    path = job.folder / "tokenizer_config.json"
    write_json(path, {**read_json(path), "add_bos_token": False})


def _test_rows(job: Job) -> Iterator[Mapping[str, Any]]:
    path = job.prepared.split("test")
    return read_jsonl(path) if path.is_file() else iter(())


def _system(job: Job) -> str:
    """Return the system message that all test rows begin with; "" where there is no such one."""
    firsts = [(row.get("messages") or [{}])[0] for row in _test_rows(job)]
    found = {first["content"] if first.get("role") == "system" else "" for first in firsts}
    return str(found.pop()) if len(found) == 1 else ""
