"""mlxr from Python: what the README shows runs, says nothing, and costs nothing to import."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mlxr
from conftest import ROOT
from train.runs import Write


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_example_of_the_readme_runs_and_prints_the_verdict_alone(tmp_path: Path) -> None:
    """The demo's recipe, shortened."""
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    (example,) = (each for each in examples if each.startswith("import mlxr"))
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    (tmp_path / "shipped").symlink_to(ROOT / "data")
    recipe = tmp_path / "recipes" / "demo" / "calendar.toml"
    text = recipe.read_text().replace("../../data", "../../shipped")
    assert "\nlimit = 60 " in text
    recipe.write_text(text.replace("\nlimit = 60 ", "\nmax_tokens = 16\nlimit = 8 "))
    assert '"train.iters": 400' in example
    ran = python(example.replace('"train.iters": 400', '"train.iters": 4'))
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert len(ran.stdout.splitlines()) == 1
    assert "Field F1" in ran.stdout
    assert (tmp_path / "adapters/demo-calendar/0001/compare/report.html").is_file()


def test_importing_mlxr_loads_nothing_heavy() -> None:
    heavy = (
        "datasets datasketch faker jinja2 mlx mlx_lm nltk numpy pyarrow pydantic rich rouge_score "
        "sacrebleu scipy tokenizers transformers typer"
    ).split()
    ran = python(
        "import sys, mlxr\n"
        "mlxr.load, mlxr.prepare, mlxr.train, mlxr.compare\n"
        f"sys.exit(str(sorted(set({heavy}) & set(sys.modules))))"
    )
    assert ran.stderr == "[]\n"


def test_the_functions_stay_when_the_packages_of_their_names_are_loaded() -> None:
    ran = python(
        "import mlxr, mlxr.train.stage, mlxr.compare.stage\n"
        "from mlxr.train import stage\n"
        "print(mlxr.train.__module__, mlxr.compare.__module__, callable(stage.plan))"
    )
    assert ran.stdout == "mlxr.api mlxr.api True\n"


def test_mistakes_are_errors_with_a_hint(write_recipe: Write, tmp_path: Path) -> None:
    with pytest.raises(mlxr.MlxrError, match="Did you mean learning_rate"):
        mlxr.load(write_recipe(), {"train.learning_rat": 1e-4})
    recipe = mlxr.load(write_recipe(), {"train.optimizer": "sgd", "train.grad_checkpoint": True})
    assert recipe.recipe.train.optimizer == "sgd"
    with pytest.raises(mlxr.MlxrError, match="r is not prepared") as error:
        mlxr.train(recipe)
    assert error.value.hint.startswith("mlxr prep ")
    with pytest.raises(mlxr.MlxrError, match="There is no run 'r/0001'"):
        mlxr.compare("r/0001", folder=tmp_path)
