"""Tab: commands, and the recipes, runs and checkpoints that are here, as shells ask for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from mlxr.cli import completion

RECIPE = 'model = "m/m"\n[data]\nsource = "o/r"\n'


def asked(line: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Return what the shell is told of a line that Tab was pressed in, as bash asks it."""
    protocol = {
        "_MLXR_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    code = "import sys\nsys.argv = ['mlxr']\nfrom mlxr.cli import main\nmain()"
    command = [sys.executable, "-X", "importtime", "-c", code]
    return subprocess.run(
        command, env=os.environ | protocol | env, capture_output=True, text=True, check=False
    )


def offered(line: str) -> list[str]:
    return asked(line).stdout.split()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a workspace of two recipes, two runs and two checkpoints."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "recipes" / "heir.toml").write_text('extends = "../recipe.toml"\n')
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "no recipe"\n')
    (tmp_path / "broken.toml").write_text("= not TOML")
    (tmp_path / "latin.toml").write_bytes(b'model = "\xe9"')
    for number in ("0001", "0002"):
        run = tmp_path / "adapters" / "mine" / number
        (run / "checkpoints" / "0000170").mkdir(parents=True)
        (run / "best").mkdir()
        (run / "run.json").write_text(json.dumps({}))
    return tmp_path


def test_commands_are_offered() -> None:
    assert {"demo", "prep", "train", "compare"} <= set(offered("mlxr "))
    assert offered("mlxr comp") == ["compare"]


@pytest.mark.parametrize("command", ["prep", "preview", "train"])
def test_where_a_recipe_is_wanted_the_recipes_here_are_offered(
    workspace: Path, command: str
) -> None:
    assert offered(f"mlxr {command} ") == ["recipe.toml", "recipes/heir.toml"]
    assert offered(f"mlxr {command} recipes/") == ["recipes/heir.toml"]


@pytest.mark.parametrize("command", ["watch", "compare"])
def test_where_a_run_is_wanted_runs_are_offered_too(workspace: Path, command: str) -> None:
    found = offered(f"mlxr {command} ")
    assert set(found) == {"mine/0001", "mine/0002", "recipe.toml", "recipes/heir.toml"}
    assert offered(f"mlxr {command} mine/0002") == ["mine/0002"]


def test_checkpoints_are_offered_after_an_at(workspace: Path) -> None:
    assert completion.runs("mine/0001@") == ["mine/0001@best", "mine/0001@170"]
    assert completion.runs("mine/0001@b") == ["mine/0001@best"]
    assert completion.runs("mine/0009@") == []


def test_a_path_is_offered_as_it_was_typed(workspace: Path) -> None:
    assert completion.recipes("./") == ["./recipe.toml"]
    assert completion.recipes(f"{workspace}/rec") == [f"{workspace}/recipe.toml"]
    assert completion.recipes("recipes/../") == ["recipes/../recipe.toml"]


def test_what_init_can_copy_is_offered() -> None:
    assert offered("mlxr init --like c") == ["calendar", "chat", "copywriting"]


def test_an_empty_or_unreadable_folder_offers_nothing_and_fails_nowhere(tmp_path: Path) -> None:
    assert completion.runs_and_recipes("") == []
    assert completion.recipes("no/such/folder/") == []
    assert completion.recipes("~nobody-of-that-name/") == []
    (tmp_path / "recipes").write_text("a file")
    (tmp_path / "adapters").write_text("a file")
    ran = asked("mlxr compare ")
    assert (ran.returncode, ran.stdout.strip()) == (0, "")


def test_it_loads_nothing_heavy(workspace: Path) -> None:
    ran = asked("mlxr compare ")
    loaded = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "mlxr.cli.completion" in loaded
    heavy = {"datasets", "mlx", "mlx_lm", "mlxr.recipe", "numpy", "rich", "transformers"}
    assert loaded & heavy == set()


def test_bash_completes_after_install_completion(workspace: Path, tmp_path: Path) -> None:
    """The installed script is sourced and its function called, as readline calls it."""
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    (home / ".bashrc").touch()
    starter = home / "bin" / "mlxr"
    starter.write_text(f"#!{sys.executable}\nfrom mlxr.cli import main\n\nmain()\n")
    starter.chmod(0o755)
    script = (
        "mlxr --install-completion bash >&2; source ~/.bashrc; complete -p mlxr;"
        "COMP_WORDS=(mlxr prep recipes/); COMP_CWORD=2; _mlxr_completion mlxr;"
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = os.environ | {
        "HOME": str(home),
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "wrapper"),
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",  # no shell is this one's parent
    }
    ran = subprocess.run(
        ["bash", "--norc", "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == [
        "complete -o default -F _mlxr_completion mlxr",
        "recipes/heir.toml",
    ]
