"""manifest.json: what the prepared data were made from, and whether they still stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mlxr import __version__
from mlxr.errors import MlxrError
from mlxr.files import file_sha256, read_json, reading, sha256
from mlxr.manifest import read_findings
from mlxr.prep.sources.source import Source
from mlxr.prep.template import template_files
from mlxr.recipe import Recipe
from mlxr.workspace import SPLITS, Prepared

FORMAT = 4
"""Raised when records or manifest change in form, so that older data are prepared anew."""
_TRAIN = {"mask_prompt", "max_seq_length", "too_long", "batch_size"}
"""Keys of [train] on which records or findings depend."""
_LIBRARIES = ("datasets", "jinja2", "tokenizers", "transformers")


def inputs(recipe: Recipe, sources: Sequence[Source], tokenizer: str) -> dict[str, Any]:
    """Return everything that the written bytes follow from; paths only by their last part."""
    data = recipe.data.model_dump()
    template = recipe.template
    return {
        "format": FORMAT,
        "seed": recipe.seed,
        "model": Path(recipe.model).name if Path(recipe.model).is_absolute() else recipe.model,
        "tokenizer": tokenizer,
        "trust_remote_code": recipe.trust_remote_code,
        "data": {
            **data,
            "source": [[source.weight, source.fingerprint] for source in sources],
            "source_name": recipe.data.names,
            "template": template and template.name,
        },
        "template": template_files(template) if template else None,
        "chat_template": _content(recipe.chat_template),
        "augment": _augment(recipe),
        "train": recipe.train.model_dump(include=_TRAIN),
        "category": recipe.compare.category,
        "allow": recipe.allow,
        "versions": {"mlxr": __version__} | {name: version(name) for name in _LIBRARIES},
    }


def _content(path: str | None) -> str | None:
    return file_sha256(Path(path)) if path else None


def _augment(recipe: Recipe) -> dict[str, Any] | None:
    if recipe.augment is None:
        return None
    settings = recipe.augment.model_dump(mode="json")
    return {**settings, "template": _content(recipe.augment.template), "faker": _faker()}


def _faker() -> str | None:
    """Return Faker's version, on which what it makes depends; None where it is not installed."""
    try:
        return version("faker")
    except PackageNotFoundError:
        return None


def describe(
    recipe: Recipe,
    made_from: Mapping[str, Any],
    model: Mapping[str, Any],
    files: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the manifest of written `files` (by split: sha256, rows, tokens, target_tokens)."""
    return {
        "recipe": recipe.name,
        "fingerprint": sha256(made_from),
        "model": dict(model),
        "splits": {split: dict(files[split]) for split in SPLITS if split in files},
        "inputs": dict(made_from),
    }


def unchanged(prepared: Prepared, made_from: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the manifest when the data stand as they would be written now, else None.

    A manifest or an audit that was damaged is not as it would be written.
    """
    try:
        read_findings(prepared)
        manifest: dict[str, Any] = read_json(prepared.manifest)
        with reading(prepared.manifest):
            whole = all(prepared.split(name).is_file() for name in manifest["splits"])
            return manifest if whole and manifest["fingerprint"] == sha256(made_from) else None
    except MlxrError:
        return None


def refuse_edits(prepared: Prepared) -> None:
    """Raise MlxrError when a split is not as prep wrote it: it would be overwritten."""
    if prepared.folder.exists() and not prepared.folder.is_dir():
        raise MlxrError(
            f"{prepared.folder} is a file, where the prepared data belong.",
            "Move it elsewhere, or give the recipe another name.",
        )
    standing = [name for name in SPLITS if prepared.split(name).exists()]
    if not standing:
        return
    if not prepared.manifest.is_file():
        raise MlxrError(
            f"{prepared.split(standing[0])} was not written by `mlxr prep` "
            "(there is no manifest.json beside it), and would be overwritten.",
            _away(prepared, standing),
        )
    written = _written(prepared)
    edited = [name for name in standing if file_sha256(prepared.split(name)) != written.get(name)]
    if edited:
        raise MlxrError(
            f"{prepared.split(edited[0])} was changed after `mlxr prep` wrote it, "
            "and would be overwritten.",
            _away(prepared, edited),
        )


def _written(prepared: Prepared) -> dict[str, str]:
    try:
        manifest = read_json(prepared.manifest)
        with reading(prepared.manifest):
            return {name: split["sha256"] for name, split in manifest["splits"].items()}
    except MlxrError:
        raise MlxrError(
            f"{prepared.manifest} is not as `mlxr prep` wrote it.",
            f"Move the folder {prepared.folder} away, then prepare again.",
        ) from None


def _away(prepared: Prepared, splits: Sequence[str]) -> str:
    names = " and ".join(prepared.split(name).name for name in splits)
    return f"Move {names} elsewhere to keep your version, or delete it, then prepare again."
