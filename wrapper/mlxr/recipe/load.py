"""From a TOML file, `extends`, the environment and `--set` to one checked recipe."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlxr.errors import MlxrError
from mlxr.recipe.mistakes import Mistake, RecipeError, explain
from mlxr.recipe.schema import Recipe

ENVIRONMENT = "MLXR_"
_HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")


@dataclass(frozen=True)
class Loaded:
    """A checked recipe, the file it came from, and each key's origin.

    `origins` maps dotted keys to the file, "--set" or the environment variable that set
    them; keys that are absent have their default.
    """

    recipe: Recipe
    path: Path
    origins: Mapping[str, str]


def find(folder: Path) -> Path:
    """Return the recipe meant when none is named: recipe.toml, else the only one in recipes/.

    Raises MlxrError when there is none or more than one.
    """
    if (folder / "recipe.toml").is_file():
        return folder / "recipe.toml"
    found = sorted((folder / "recipes").glob("*.toml"))
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(str(p.relative_to(folder)) for p in found)
        raise MlxrError(f"Which recipe? There are {len(found)}: {names}.", "mlxr … RECIPE")
    raise MlxrError(
        "No recipe named, and neither recipe.toml nor recipes/*.toml is here.",
        "Name one (mlxr prep my.toml), or run `mlxr demo` to see a complete one.",
    )


def load(path: Path, overrides: Sequence[str] = ()) -> Loaded:
    """Return the checked recipe of `path`, with `overrides` ("train.iters=50") applied last.

    Paths in a recipe are relative to its own folder and come out absolute. Raises
    RecipeError with every mistake, MlxrError when the file is missing or not TOML.
    """
    values, origins = _read(path, ())
    for dotted, value, origin in [*_environment(), *map(_override, overrides)]:
        _put(values, dotted, value)
        origins[dotted] = origin
    values.setdefault("name", path.stem)
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(str(path), explain(error.errors(), Recipe)) from None
    missing = _missing_files(recipe)
    if missing:
        raise RecipeError(str(path), missing)
    return Loaded(recipe, path, origins)


def _read(path: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the file's values over those of the file it extends, and their origins."""
    if path.resolve() in seen:
        raise MlxrError(f"{path} extends itself.", "Remove one of the `extends` lines.")
    values = _toml(path)
    parent = values.pop("extends", None)
    values = _absolute(values, path.parent)
    origins = dict.fromkeys(_leaves(values), str(path))
    if parent is None:
        return values, origins
    if not isinstance(parent, str):
        raise MlxrError(f'{path}: extends must be a text in "quotes".')
    base, base_origins = _read(path.parent / parent, (*seen, path.resolve()))
    return _merge(base, values), base_origins | origins


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        beside = sorted(p.name for p in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        hint = f"Recipes beside it: {', '.join(beside)}." if beside else "Check the path."
        raise MlxrError(f"There is no recipe {path}.", hint) from None
    except UnicodeDecodeError as error:
        raise MlxrError(f"{path} is not UTF-8: {error}.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise MlxrError(f"{path} is not TOML: {error}.", f"Edit {path} there.") from None


def _absolute(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return `values` with the paths of `folder`'s recipe made absolute."""
    values = dict(values)
    if isinstance(values.get("model"), str):
        values["model"] = _local(values["model"], folder)
    if isinstance(values.get("data"), dict):
        data = values["data"] = dict(values["data"])
        if isinstance(data.get("source"), str):
            data["source"] = _local(data["source"], folder)
        if isinstance(data.get("template"), str):
            data["template"] = str((folder / Path(data["template"]).expanduser()).resolve())
    if isinstance(values.get("train"), dict):
        train = values["train"] = dict(values["train"])
        if isinstance(train.get("resume_adapter_file"), str):
            file = Path(train["resume_adapter_file"]).expanduser()
            train["resume_adapter_file"] = str((folder / file).resolve())
    return values


def _local(text: str, folder: Path) -> str:
    """Return a Hub id unchanged and a path absolute; an existing path wins."""
    path = folder / Path(text).expanduser()
    if path.exists() or not _HUB_ID.match(text) or text.startswith(("./", "../")):
        return str(path.resolve())
    return text


def _missing_files(recipe: Recipe) -> list[Mistake]:
    """Return what the recipe names on this machine and is not there."""
    mistakes = []
    model, source, template = Path(recipe.model), Path(recipe.data.source), recipe.template
    if model.is_absolute() and not (model / "config.json").is_file():
        said = "has no config.json" if model.is_dir() else "does not exist"
        mistakes.append(Mistake("model", f"the folder {model} {said}.", "Or name a Hub id."))
    if source.is_absolute() and not source.exists():
        mistakes.append(Mistake("data.source", f"{source} does not exist.", "Or name a Hub id."))
    if template and not template.is_file():
        near = sorted(p.name for p in template.parent.glob("*.jinja"))
        fix = f"Templates there: {', '.join(near)}." if near else ""
        mistakes.append(Mistake("data.template", f"{template} does not exist.", fix))
    return mistakes


def _environment() -> list[tuple[str, Any, str]]:
    """Return the overrides of MLXR_TRAIN__LEARNING_RATE=1e-4 and the like."""
    return [
        (name[len(ENVIRONMENT) :].lower().replace("__", "."), _value(text), name)
        for name, text in sorted(os.environ.items())
        if name.startswith(ENVIRONMENT)
    ]


def _override(text: str) -> tuple[str, Any, str]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise MlxrError(f"--set takes KEY=VALUE, not {text!r}.", "--set train.iters=50")
    dotted = key.strip()
    value = _value(value.strip())
    if dotted in {"model", "data.source", "data.template"} and isinstance(value, str):
        value = _local(value, Path.cwd())
    if dotted == "train.resume_adapter_file" and isinstance(value, str):
        value = str(Path(value).expanduser().resolve())
    return dotted, value, "--set"


def _value(text: str) -> Any:
    """Return `text` as TOML would read it; what is no TOML value is a string."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def _put(values: dict[str, Any], dotted: str, value: Any) -> None:
    *tables, key = dotted.split(".")
    for name in tables:
        inner = values.get(name)
        values[name] = dict(inner) if isinstance(inner, dict) else {}
        values = values[name]
    values[key] = value


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if both else value
    return merged


def _leaves(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key, value in values.items():
        inner = isinstance(value, dict)
        found += _leaves(value, f"{prefix}{key}.") if inner else [f"{prefix}{key}"]
    return found
