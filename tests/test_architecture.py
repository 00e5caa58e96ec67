"""The floors of the house: which module may import which, and one home for each dependency."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "wrapper" / "mlxr"
MODULES = sorted(PACKAGE.rglob("*.py"))

HOMES = {
    "datasets": ["prep/sources/hub.py", "prep/sources/readers.py"],
    "datasketch": ["near.py"],
    "faker": ["prep/augment/pools.py"],
    "jinja2": ["compare/report/page.py", "prep/sandbox.py", "prep/template.py"],
    "pyarrow": ["prep/sources/readers.py"],
    "pydantic": ["recipe/"],
    "packaging": ["doctor/libraries.py"],
    "psutil": ["doctor/machine.py"],
    "nltk": ["compare/similarity.py"],
    "readline": ["terminal/chat.py"],
    "rich": ["terminal/"],
    "rouge_score": ["compare/similarity.py"],
    "safetensors": ["export/peft.py"],
    "sacrebleu": ["compare/similarity.py"],
    "tensorboardX": ["train/tensorboard.py"],
    "subprocess": ["process.py"],
    "typer": ["cli/"],
}
"""The only files that may import these."""

CHILDREN = [
    "chat/child.py",
    "compare/child.py",
    "compare/drift.py",
    "compare/generate.py",
    "compare/likelihood.py",
    "compare/stopwatch.py",
    "export/child.py",
    "export/measure.py",
    "loaded.py",
    "serve/child.py",
    "plan/child.py",
    "plan/products.py",
    "plan/speed.py",
    "train/batches.py",
    "train/checkpoints.py",
    "train/child.py",
    "train/loss.py",
    "train/optimizer.py",
    "train/session.py",
    "train/start.py",
    "train/state.py",
    "train/validation.py",
    "train/world.py",
]
"""What runs in a child: the only code that may import mlx and mlx_lm."""

FLOORS = [
    {"__main__"},
    {"cli"},
    {"api", "demo", "doctor", "example", "export", "init", "plan", "runs", "serve", "sweep"},
    {"chat"},
    {"prep", "train", "compare"},
    {"manifest", "trained"},
    {"recipe", "model", "process", "provenance", "workspace"},
    {"blas", "ending", "events", "files", "forest", "loaded", "near", "power", "quiet"}
    | {"units", "values", "visible"},
    {"errors"},
]
"""Imports point down, or stay within a part."""

STAGES = ("prep", "train", "compare")
SHARED = {"mlxr.prep.tokens", "mlxr.prep.template"}
"""The one prompt builder: what other stages may import of prep."""


def name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def imports(path: Path) -> frozenset[str]:
    """Return the dotted modules that a file imports anywhere, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "mlxr":
            found |= {f"mlxr.{alias.name}" for alias in node.names if alias.name[0] != "_"}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return frozenset(found)


def part(module: str) -> str:
    """Return the floor's name for "mlxr.train.config" or "train/config.py": train."""
    return module.removeprefix("mlxr.").replace("/", ".").split(".")[0]


def floor(of: str) -> int:
    return next(i for i, names in enumerate(FLOORS) if of in names)


def test_the_package_was_found() -> None:
    assert len(MODULES) > 20


@pytest.mark.parametrize(("package", "homes"), HOMES.items())
def test_one_home_per_dependency(package: str, homes: list[str]) -> None:
    users = [name(p) for p in MODULES if package in {m.split(".")[0] for m in imports(p)}]
    assert users, f"nobody imports {package}: remove it"
    assert [user for user in users if not user.startswith(tuple(homes))] == []


def test_mlx_is_imported_in_children_only() -> None:
    users = [name(p) for p in MODULES if {m.split(".")[0] for m in imports(p)} & {"mlx", "mlx_lm"}]
    assert sorted(users) == sorted(set(users) & set(CHILDREN))
    assert users


def test_a_model_and_its_tokenizer_are_loaded_in_one_place() -> None:
    loading = [
        name(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module in {"mlx_lm", "mlx_lm.utils"}
        and "load" in {alias.name for alias in node.names}
    ]
    assert loading == ["loaded.py"]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_point_down(path: Path) -> None:
    here = part(name(path).removesuffix(".py"))
    if here in {"__init__", "terminal"}:  # terminal shows what the others return
        return
    for module in imports(path):
        if not module.startswith("mlxr.") or (there := part(module)) == here:
            continue
        if there == "terminal":
            assert here == "cli", f"{name(path)} imports the terminal"
            continue
        if here in STAGES and there in STAGES:
            assert module in SHARED, f"{name(path)} imports another stage: {module}"
            continue
        below = floor(here) <= floor(there)
        assert below, f"{name(path)} imports upwards: {module}"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_stay_small(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= 300, f"{name(path)} has {lines} lines: split it by noun"


def test_nothing_prints() -> None:
    printing = [
        name(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert printing == []


def test_every_error_says_what_to_do_next() -> None:
    hintless = [
        f"{name(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "MlxrError"
        and len(node.args) + len(node.keywords) < 2
    ]
    assert hintless == []


def test_help_loads_nothing_heavy() -> None:
    heavy = (
        "datasets datasketch faker jinja2 mlx mlx_lm nltk numpy pyarrow pydantic rouge_score "
        "sacrebleu safetensors scipy tokenizers transformers"
    ).split()
    code = (
        "import sys\n"
        "from mlxr.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"loaded = sorted(set({heavy}) & set(sys.modules))\n"
        "sys.exit(f'loaded: {loaded}' if loaded else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "compare" in done.stdout
