"""The workspace: do its recipes load, and how did its runs end?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from mlxr.doctor.check import Check, Topic
from mlxr.errors import MlxrError
from mlxr.recipe import Pool, Recipe, RecipeError, load
from mlxr.recipe.load import ENVIRONMENT
from mlxr.train.checks import SERVICES
from mlxr.workspace import Workspace

RESUMABLE = ("interrupted", "killed")
"""How a run ends that can be gone on with as it is."""
FAILED = ("nonfinite", "memory", "disk", "error", "unreadable")
"""How one ends that needs a look first."""


@dataclass(frozen=True)
class Work:
    """What lies in the workspace."""

    recipes: Mapping[str, str]
    """By path: the first thing that is wrong with it, or ""."""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Packages that a recipe asks for and that are not installed, by the recipe's path."""
    runs: Mapping[str, str] = field(default_factory=dict)
    """By name, the oldest first: its status, or "unreadable"."""
    resumes: Mapping[str, str] = field(default_factory=dict)
    """By name: the recipe with which a run is resumed."""
    variables: tuple[str, ...] = ()
    """Names in the environment that override keys of every recipe."""


def look(workspace: Workspace) -> Work:
    """Return what lies in the workspace."""
    problems: dict[str, str] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for path in _recipes(workspace.root):
        name = str(path.relative_to(workspace.root))
        try:
            missing[name] = _missing(load(path).recipe)
            problems[name] = ""
        except RecipeError as error:
            problems[name] = str(error.mistakes[0])
        except MlxrError as error:
            problems[name] = error.message
    runs, resumes = {}, {}
    for run in workspace.runs():
        try:
            record = run.read_record()
        except MlxrError:
            record = {"status": "unreadable", "recipe_path": ""}
        runs[run.name], resumes[run.name] = record["status"], record["recipe_path"]
    variables = tuple(sorted(name for name in os.environ if name.startswith(ENVIRONMENT)))
    return Work(problems, missing, runs, resumes, variables)


def _recipes(root: Path) -> list[Path]:
    here = [root / "recipe.toml"] if (root / "recipe.toml").is_file() else []
    return here + sorted((root / "recipes").glob("*.toml"))


def _missing(recipe: Recipe) -> tuple[str, ...]:
    """Return the packages that a recipe asks for and that are not installed."""
    services = [name.strip().lower() for name in (recipe.train.report_to or "").split(",")]
    modules = [SERVICES.get(name, name) for name in services if name]
    pools = recipe.augment.pools.values() if recipe.augment else ()
    made = any(isinstance(pool, Pool) and pool.faker for pool in pools)
    packages = {module: module for module in modules} | ({"faker": "Faker"} if made else {})
    return tuple(package for module, package in packages.items() if not find_spec(module))


def recipes(work: Work) -> Check:
    """Tell whether the recipes here load."""
    wrong = {name: problem for name, problem in work.recipes.items() if problem}
    if wrong:
        name, problem = next(iter(wrong.items()))
        more = f" ({len(wrong)} recipes do not load.)" if len(wrong) > 1 else ""
        return Check(
            "recipes",
            "warning",
            f"{name}: {problem}{more}",
            "Bring the rows, or begin with some: mlxr init my-folder --like NAME",
        )
    if not work.recipes:
        found = "none here, neither recipe.toml nor recipes/*.toml."
        return Check("recipes", "ok", f"{found} `mlxr init --list` shows what to begin with.")
    return Check("recipes", "ok", f"{', '.join(work.recipes)}: all load.")


def packages(work: Work) -> Check | None:
    """Name what a recipe here asks for and cannot have."""
    for name, missing in work.missing.items():
        if missing:
            found = f"{name} asks for {', '.join(missing)}, not installed."
            return Check("recipes", "warning", found, f"pip install {' '.join(missing)}")
    return None


def runs(work: Work) -> Check:
    """Tell of recipes whose newest run did not come to its end."""
    if not work.runs:
        return Check("runs", "ok", "none here yet.")
    newest = {name.rpartition("/")[0]: name for name in work.runs}.values()
    count = f"{len(work.runs)} here"
    left = {name: work.runs[name] for name in newest if work.runs[name] in RESUMABLE}
    odd = {name: work.runs[name] for name in newest if work.runs[name] in FAILED}
    said = ", ".join(f"{name} ({status})" for name, status in (left | odd).items())
    if left:
        fix = f"mlxr train {work.resumes[next(iter(left))]} --resume"
        return Check("runs", "warning", f"{count}; not at their end: {said}.", fix)
    if odd:
        fix = f"less adapters/{next(iter(odd))}/train.log"
        return Check("runs", "warning", f"{count}; not at their end: {said}.", fix)
    return Check("runs", "ok", f"{count}, each recipe's newest at its end or still training.")


def variables(work: Work) -> Check | None:
    """Name what in the environment changes every recipe, and is easily forgotten."""
    if not work.variables:
        return None
    found = f"set, and stronger than every recipe: {', '.join(work.variables)}."
    return Check("environment", "warning", found, f"unset {' '.join(work.variables)}")


TOPIC = Topic("workspace", look, (recipes, packages, runs, variables))
