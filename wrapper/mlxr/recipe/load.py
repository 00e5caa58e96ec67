"""From a TOML file, `extends`, the environment and `--set` to one checked recipe."""

from __future__ import annotations

import os
import re
import shlex
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
FILES = ("chat_template", "data.template", "augment.template", "train.resume_adapter_file")
"""Keys that name a file, always a local one."""
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
    overrides: Sequence[str] = ()
    """What was set with --set, as "train.iters=50"."""

    @property
    def typed(self) -> str:
        """What to type after a command to mean this recipe again."""
        return typed(self.path, self.overrides)


def typed(path: Path | str, overrides: Sequence[str]) -> str:
    """Return a recipe's file and its overrides as a shell takes them."""
    return shlex.join([str(path), *(word for each in overrides for word in ("--set", each))])


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
        raise MlxrError(
            f"Which recipe? There are {len(found)}: {names}.",
            f"Name one after the command, as {names.split(', ')[0]}.",
        )
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
        raise RecipeError(str(path), explain(error.errors(), Recipe), origins) from None
    missing = _missing_files(recipe)
    if missing:
        raise RecipeError(str(path), missing, origins)
    return Loaded(recipe, path, origins, tuple(overrides))


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
        raise MlxrError(f'{path}: extends must be a text in "quotes".', 'extends = "other.toml"')
    base, base_origins = _read(path.parent / parent, (*seen, path.resolve()))
    return _merge(base, values), base_origins | origins


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise MlxrError(f"There is no recipe {path}.", _others(path.parent)) from None
    except UnicodeDecodeError as error:
        raise MlxrError(f"{path} is not UTF-8: {error}.", "Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise MlxrError(f"{path} is not TOML: {error}.", f"Edit {path} there.") from None


def _others(folder: Path) -> str:
    """Return what to try instead of a recipe that is not in `folder`."""
    beside = sorted(p.name for p in folder.glob("*.toml") if p.name != "pyproject.toml")
    if beside:
        return f"Recipes beside it: {', '.join(beside)}."
    below = sorted(str(p) for p in (folder / "recipes").glob("**/*.toml"))
    return f"Recipes here: {', '.join(below)}." if below else "Check the path."


def _absolute(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return `values` with the paths of `folder`'s recipe made absolute."""
    values = {key: dict(v) if isinstance(v, dict) else v for key, v in values.items()}
    if isinstance(values.get("model"), str):
        values["model"] = _local(values["model"], folder)
    for dotted in ("data.source", *FILES):
        table, _, key = dotted.rpartition(".")
        within = values.get(table) if table else values
        if isinstance(within, dict) and key in within:
            resolve = _sources if key == "source" else _file
            within[key] = resolve(within[key], folder)
    return values


def _sources(value: Any, folder: Path) -> Any:
    """Return a source, or each of a list of them, with its path absolute."""
    if isinstance(value, list):
        return [_sources(each, folder) for each in value]
    if isinstance(value, dict) and "source" in value:
        return {**value, "source": _sources(value["source"], folder)}
    return _local(value, folder) if isinstance(value, str) and value else value


def _file(value: Any, folder: Path) -> Any:
    return str((folder / Path(value).expanduser()).resolve()) if isinstance(value, str) else value


def _local(text: str, folder: Path) -> str:
    """Return a Hub id unchanged and a path absolute; an existing path wins."""
    path = folder / Path(text).expanduser()
    if path.exists() or not _HUB_ID.match(text) or text.startswith(("./", "../")):
        return str(path.resolve())
    return text


def _missing_files(recipe: Recipe) -> list[Mistake]:
    """Return what the recipe names on this machine and is not there."""
    mistakes = []
    model = Path(recipe.model)
    if model.is_absolute() and not (model / "config.json").is_file():
        said = "has no config.json" if model.is_dir() else "does not exist"
        mistakes.append(Mistake("model", f"the folder {model} {said}.", "Or name a Hub id."))
    for source in (Path(portion.source) for portion in recipe.data.portions):
        if source.is_absolute() and not source.exists():
            said = f"{source} does not exist."
            mistakes.append(Mistake("data.source", said, "Or name a Hub id."))
    files = {
        "data.template": recipe.data.template,
        "augment.template": recipe.augment and recipe.augment.template,
        "chat_template": recipe.chat_template,
    }
    for key, name in files.items():
        if name and not Path(name).is_file():
            near = sorted(p.name for p in Path(name).parent.glob("*.jinja"))
            fix = f"Templates there: {', '.join(near)}." if near else ""
            mistakes.append(Mistake(key, f"{name} does not exist.", fix))
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
    if dotted in {"model", "data.source"}:
        value = _sources(value, Path.cwd())
    if dotted in FILES:
        value = _file(value, Path.cwd())
    return dotted, value, "--set"


def _value(text: str) -> Any:
    """Return `text` as TOML would read it; what is no TOML value is a string."""
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def revive(record: Mapping[str, Any], where: Path) -> Recipe:
    """Return the recipe that a run was made by, from its record, the file `where`.

    Raises MlxrError where this mlxr does not read it.
    """
    try:
        return Recipe.model_validate(record["recipe"])
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        raise MlxrError(
            f"The recipe in {where} is none that this mlxr reads ({key}).",
            "Was the run made by another version? Train again, or install that one.",
        ) from None


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
