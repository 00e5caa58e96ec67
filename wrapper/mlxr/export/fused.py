"""The fused model: adapter and base as one, proved to be what was trained."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from mlxr.compare.arms import longest_answer
from mlxr.errors import MlxrError
from mlxr.events import Note
from mlxr.export.job import Job, Made
from mlxr.export.prompts import Prompt, draw_prompts
from mlxr.export.proof import EQUAL, KEPT, LONGEST, Proof, read_proof
from mlxr.files import read_json, write_jsonl
from mlxr.process import run_child
from mlxr.units import byte_size

USE = "python -m mlx_lm generate --model FOLDER --prompt 'YOUR PROMPT'"
ROOM = 1.1
"""Times the weights' size that must be free on the disk."""


def check(job: Job, copies: int = 1) -> None:
    """Raise MlxrError where the wish makes no sense, or the disk has no room for `copies`."""
    size = job.sizes
    if not job.wish.dequantize and not size.quantized:
        raise MlxrError(
            f"{job.base_name} is not quantised: there is nothing to re-quantise.", job.again
        )
    needed = copies * ROOM * (size.floats if job.wish.dequantize else size.as_is)
    free = shutil.disk_usage(job.folder.parent).free
    if free < needed:
        raise MlxrError(
            f"Fusing takes {byte_size(needed)}, and {job.folder.parent} has"
            f" {byte_size(free)} free.",
            f"Make room, choose another place (--to), or: {job.again} --as adapter",
        )


def write(job: Job) -> Made:
    """Fuse, prove, and return what was found; raises MlxrError where the effect is lost."""
    return Made(use=(USE,), proof=fuse(job))


def fuse(job: Job, gguf: str | None = None) -> Proof:
    """Write the fused model into the job's folder, with a GGUF file of that name if asked for.

    Raises MlxrError where fusing fails, or where the effect is lost and the wish is not to allow
    that.
    """
    _tell_sizes(job)
    prompts = draw_prompts(job.prepared, job.recipe, job.tokenizer, job.wish.prompts)
    rows, found = job.folder / "rows.jsonl", job.folder / "proof.json"
    write_jsonl(rows, ({"ids": prompt.ids, "offset": prompt.offset} for prompt in prompts))
    _run_child(job, {**_settings(job, prompts), "gguf": gguf, "rows": str(rows),
                     "proof": str(found)})  # fmt: skip
    proof = read_proof(read_json(found), [prompt.id for prompt in prompts])
    rows.unlink()
    found.unlink()
    if proof.lost and not job.wish.allow_lossy:
        raise _refusal(job, proof)
    return proof


def _tell_sizes(job: Job) -> None:
    size = job.sizes
    if not size.quantized:
        return
    floats, as_is = byte_size(size.floats), byte_size(size.as_is)
    said = (
        f"The base is quantised. Dequantised the fused model takes {floats}; re-quantised it would"
        f" take {as_is}, and may lose some of what was learnt (--requantize)."
        if job.wish.dequantize
        else f"Re-quantised the fused model takes {as_is}; dequantised it would take {floats}."
    )
    job.display.show(Note(said))


def _settings(job: Job, prompts: list[Prompt]) -> dict[str, object]:
    recipe = job.recipe
    lengths = [len(prompt.ids) - prompt.offset for prompt in prompts]
    return {
        "model": str(job.base),
        "adapter": str(job.adapter.folder),
        "folder": str(job.folder),
        "dequantize": job.wish.dequantize and job.sizes.quantized,
        "max_tokens": min(recipe.compare.max_tokens or longest_answer(lengths), LONGEST),
        "batch_size": recipe.compare.batch_size,
        "trust_remote_code": recipe.trust_remote_code,
    }


def _run_child(job: Job, settings: dict[str, object]) -> None:
    """Run the export child; its log stays only where it failed."""
    handle, name = tempfile.mkstemp(prefix="mlxr-export-", suffix=".log")
    os.close(handle)
    log = Path(name)
    try:
        run_child("mlxr.export.child", settings, log, job.display, "Fusing failed")
    except MlxrError:
        raise
    except BaseException:  # Ctrl-C
        log.unlink()
        raise
    log.unlink()


def _refusal(job: Job, proof: Proof) -> MlxrError:
    """Return why the fused model is not kept, with the figures and what to do instead."""
    figures = "".join(f"\n  {line}" for line in proof.figures)
    ways = [f"The plain adapter: {job.again} --as adapter", "As it is: --allow-lossy"]
    if not job.wish.dequantize:
        ways.insert(0, f"In floats ({byte_size(job.sizes.floats)}): {job.again}")
    return MlxrError(
        f"Much of what the adapter does was lost in fusing (under {100 * KEPT:.0f} % of its effect,"
        f" or {100 * EQUAL:.0f} % equal answers), so nothing was kept.{figures}",
        "\n  ".join(ways),
    )


def clear(folder: Path, keep: str) -> None:
    """Remove what `fuse` wrote into a folder, except one file."""
    for path in folder.iterdir():
        if path.name != keep:
            path.unlink()
