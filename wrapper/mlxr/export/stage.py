"""The export: an adapter in, a folder in another form out, or nothing at all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr import provenance
from mlxr.ending import terminable
from mlxr.errors import MlxrError
from mlxr.events import Display, Step
from mlxr.export import fused, gguf, hub, ollama, peft, plain
from mlxr.export.card import card
from mlxr.export.hub import Push
from mlxr.export.job import Job, Made, Wish
from mlxr.files import file_sha256, write_json, write_text
from mlxr.process import is_running
from mlxr.workspace import Adapter, Workspace


@dataclass(frozen=True)
class Form:
    """One form of an export: what must hold before any work, and the work."""

    check: Callable[[Job], None]
    write: Callable[[Job], Made]


FORMS = {
    "mlx": Form(fused.check, fused.write),
    "adapter": Form(plain.check, plain.write),
    "gguf": Form(gguf.check, gguf.write),
    "ollama": Form(ollama.check, ollama.write),
    "peft": Form(peft.check, peft.write),
}


@dataclass(frozen=True)
class Export:
    """An adapter in another form."""

    name: str
    """Of the run, or its checkpoint."""
    base: str
    """The base model, as mlx_lm takes it here."""
    form: str
    folder: Path
    made: Made
    size: int
    """Bytes of all its files."""
    url: str | None = None
    """Where it is on the Hub."""

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        proof = self.made.proof
        return {
            "run": self.name,
            "form": self.form,
            "folder": str(self.folder),
            "bytes": self.size,
            "proof": proof and proof.to_json(),
            "notes": list(self.made.notes),
            "url": self.url,
        }


def export(
    adapter: Adapter,
    workspace: Workspace,
    wish: Wish,
    display: Display,
    *,
    to: Path | None = None,
    push: Push | None = None,
) -> Export:
    """Write an adapter in the wished form into a new folder, and push that if asked to.

    Nothing that exists is overwritten, and where it fails no folder is left. Raises MlxrError
    where the form is impossible, the effect is lost in it, or the Hub refuses.
    """
    target = (to or workspace.export(adapter, wish.form)).absolute()
    _check_target(target, workspace, push)
    target.parent.mkdir(parents=True, exist_ok=True)
    prepared = workspace.prepared(adapter.run.folder.parent.name)
    with terminable():
        folder = _begin(target)
        job = Job(adapter, wish, prepared, folder, display)
        try:
            made = _make(job, push)
            folder.chmod(0o755)
            folder.replace(target)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    if push:
        display.show(Step(f"Pushing it to {push.repo}"))
    url = hub.upload(push, target) if push else None
    return Export(adapter.name, job.recipe.model, wish.form, target, made, size, url)


def _begin(target: Path) -> Path:
    """Make and return the folder that becomes `target`; those of killed exports go."""
    pattern = re.compile(rf"\.{re.escape(target.name)}\.(\d+)\.tmp")
    for path in target.parent.iterdir():
        if (killed := pattern.fullmatch(path.name)) and not is_running(int(killed[1])):
            shutil.rmtree(path, ignore_errors=True)
    folder = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    folder.mkdir(mode=0o700)
    return folder


def _check_target(target: Path, workspace: Workspace, push: Push | None) -> None:
    """Raise MlxrError where something is in the target's place, or the place is mlxr's own."""
    if target.is_symlink():
        said = f"{target} is a link, and nothing is put in its place."
        raise MlxrError(said, "Choose another folder (--to), or the one that it leads to.")
    if workspace.owns(target):
        said = f"{target} lies where mlxr keeps its runs and data: it would pass for one."
        raise MlxrError(said, "Choose another folder, as --to exports/mine, or leave --to out.")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    hint = "Choose another folder (--to), or move it away."
    if push and (target / "export.json").is_file():
        hint += f" To push what is there: hf upload {push.repo} {target}"
    raise MlxrError(f"{target} exists already, and nothing is overwritten.", hint)


def _make(job: Job, push: Push | None) -> Made:
    form = FORMS[job.wish.form]
    job.check()
    if push:
        hub.check(push)
    form.check(job)
    written = card(job)  # before the work, which may take long
    made = form.write(job)
    write_text(job.folder / "README.md", written(made))
    write_json(job.folder / "export.json", _document(job, made))
    return made


def _document(job: Job, made: Made) -> Mapping[str, Any]:
    """Return export.json: what was made from what, and how it was proved."""
    return {
        "schema": "mlxr.export/1",
        "run": job.adapter.name,
        "form": job.wish.form,
        "base": job.base_name,
        "adapter_sha256": file_sha256(job.adapter.weights),
        "data_sha256": job.record["data"]["sha256"],
        "proof": made.proof and made.proof.to_json(),
        "notes": list(made.notes),
        "trained_with": job.record["versions"],
        "exported_with": provenance.versions(),
    }
