"""Reading what prep wrote: is it there, is it whole, and does it belong to this recipe?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import file_sha256, read_json, reading, sha256
from mlxr.recipe import Recipe
from mlxr.workspace import Prepared


@dataclass(frozen=True)
class Manifest:
    """manifest.json of prepared data."""

    rows: Mapping[str, int]
    """Records by split."""
    tokens: Mapping[str, int]
    target_tokens: Mapping[str, int]
    files: Mapping[str, str]
    """SHA-256 of each split's file."""
    sha256: str
    """Of the splits together: the identity of these data."""
    depends: frozenset[str]
    """Keys of the recipe's [train] on which they depend, as "train.max_seq_length"."""


def read_manifest(prepared: Prepared, recipe: Recipe, typed: str) -> Manifest:
    """Return the manifest of `recipe`'s data; `typed` is what names it after a command.

    Raises MlxrError when the data are missing, were prepared otherwise, or were changed since.
    """
    again = f"mlxr prep {typed}"
    if not prepared.manifest.is_file():
        raise MlxrError(f"{recipe.name} is not prepared: {prepared.manifest} is missing.", again)
    document = read_json(prepared.manifest)
    if not isinstance(document, dict) or not {"inputs", "splits"} <= document.keys():
        raise MlxrError(f"{prepared.manifest} is not as `mlxr prep` wrote it.", _anew(prepared))
    changed = _changed(recipe, document["inputs"])
    if changed:
        raise MlxrError(f"{', '.join(changed)} changed since {recipe.name} was prepared.", again)
    splits = document["splits"]
    files = {name: split["sha256"] for name, split in splits.items()}
    for name, expected in files.items():
        file = prepared.split(name)
        if not file.is_file() or file_sha256(file) != expected:
            raise MlxrError(
                f"{file} is not as `mlxr prep` wrote it.",
                f"Keep your version under another name, then: {again}",
            )
    return Manifest(
        rows={name: split["rows"] for name, split in splits.items()},
        tokens={name: split["tokens"] for name, split in splits.items()},
        target_tokens={name: split["target_tokens"] for name, split in splits.items()},
        files=files,
        sha256=sha256(files),
        depends=frozenset(f"train.{key}" for key in document["inputs"]["train"]),
    )


def read_findings(prepared: Prepared) -> list[dict[str, Any]]:
    """Return what the audit of prepared data found, each as `Finding.to_json` gives it."""
    document = read_json(prepared.audit)
    with reading(prepared.audit):
        return [dict(finding) for finding in document["findings"]]


def _anew(prepared: Prepared) -> str:
    return f"Move the folder {prepared.folder} away, then prepare again."


def _settings(recipe: Recipe) -> Any:
    return recipe.augment and _less_files(recipe.augment.model_dump(mode="json"))


def _less_files(augment: Mapping[str, Any] | None) -> Any:
    """Return [augment] without what the manifest knows by content."""
    return augment and {k: v for k, v in augment.items() if k not in ("template", "faker")}


def _changed(recipe: Recipe, inputs: Mapping[str, Any]) -> list[str]:
    """Return the recipe's keys that are not as they were when its data were prepared."""
    model = Path(recipe.model).name if Path(recipe.model).is_absolute() else recipe.model
    now: dict[str, Any] = {"seed": recipe.seed, "model": model, "allow": recipe.allow}
    now["compare.category"] = recipe.compare.category
    then = {key: inputs[key.removeprefix("compare.")] for key in now}
    data = recipe.data.model_dump() | {
        "source": recipe.data.names,
        "template": recipe.template.name if recipe.template else None,
    }
    now["chat_template"] = recipe.chat_template and file_sha256(Path(recipe.chat_template))
    then["chat_template"] = inputs.get("chat_template")
    now["augment"], then["augment"] = _settings(recipe), _less_files(inputs.get("augment"))
    for key, value in data.items():  # the manifest knows the source by content, and its name
        stored = "source_name" if key == "source" else key
        now[f"data.{key}"], then[f"data.{key}"] = value, inputs["data"].get(stored)
    for key in inputs["train"]:
        now[f"train.{key}"], then[f"train.{key}"] = getattr(recipe.train, key), inputs["train"][key]
    return [key for key in now if now[key] != then[key]]
