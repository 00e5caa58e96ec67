"""`mlxr init`: a shipped recipe becomes one's own, and can be run at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import MODEL, ROOT, Ran
from mlxr.example import ROWS
from mlxr.init import init
from mlxr.recipe import load

Run = Callable[..., Ran]
NAMES = ["calendar", "chat", "copywriting", "function-calling", "summarization"]
TEMPLATES = {
    "calendar": ["calendar", "plain"],
    "chat": [],
    "copywriting": ["copywriting", "plain"],
    "function-calling": ["function_calling"],
    "summarization": ["plain", "summarization"],
}
SET = ("--set", f"model={MODEL}")


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_shipped_recipes_are_listed(mlxr: Run) -> None:
    ran = mlxr("init", "--list")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()[::2]] == NAMES
    assert "Summarisation: a news article → its highlights\n" in ran.out
    listed = json.loads(mlxr("init", "--list", "--json").out)["recipes"]
    assert [each["name"] for each in listed] == NAMES
    assert listed[0]["model"] == "HuggingFaceTB/SmolLM-360M"
    assert listed[0]["about"].startswith("Calendar extraction: a sentence about an event → ")


@pytest.mark.parametrize("name", NAMES)
def test_exactly_these_files_are_written_and_named(mlxr: Run, name: str, tmp_path: Path) -> None:
    ran = mlxr("init", "mine", "--like", name, "--json")
    assert ran.code == 0, ran.err
    written = tree(tmp_path / "mine")
    templates = [f"templates/{each}.jinja" for each in TEMPLATES[name]]
    assert sorted(written) == sorted(["recipe.toml", "rows.jsonl", *templates])
    assert sorted(json.loads(ran.out)["files"]) == sorted(f"mine/{each}" for each in written)
    for each in templates:
        assert written[each] == (ROOT / "recipes" / each).read_text(encoding="utf-8")
    rows = written["rows.jsonl"].splitlines()
    assert len(rows) == ROWS
    assert all(isinstance(json.loads(row), dict) for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_the_shipped_recipe_but_for_its_data(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    init(folder, name)
    source = f"data.source={folder / 'rows.jsonl'}"
    copy = load(folder / "recipe.toml").recipe
    shipped = load(ROOT / "recipes" / f"{name}.toml", [source]).recipe
    own = {"name", "data", "chat_template"}
    assert copy.model_dump(exclude=own) == shipped.model_dump(exclude=own)
    assert copy.name == "mine"
    assert copy.data.portions[0].rows == (str(folder / "rows.jsonl"), None, None, None)
    assert (copy.data.limit, copy.data.streaming) == (None, False)
    shares = (copy.data.splits.train, copy.data.splits.valid, copy.data.splits.test)
    assert sum(map(float, shares)) == pytest.approx(1)
    about_rows = {"limit", "streaming", "config", "source", "template", "splits"}
    assert copy.data.model_dump(exclude=about_rows) == shipped.data.model_dump(exclude=about_rows)
    for one, other in (
        (copy.data.template, shipped.data.template),
        (copy.chat_template, shipped.chat_template),
    ):
        assert (one is None) == (other is None)
        assert one is None or Path(one).parent == folder / "templates"
        assert not (one and other) or Path(one).read_text() == Path(other).read_text()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_of_data_that_are_not_there(name: str, tmp_path: Path) -> None:
    init(tmp_path / "mine", name)
    text = (tmp_path / "mine" / "recipe.toml").read_text(encoding="utf-8")
    opening = text.partition("\n\n")[0]
    assert all(line.startswith("#") for line in opening.splitlines())
    assert opening.count("\n#   data      rows.jsonl: 120 made-up rows") == 1
    for part in ("\n#   disk   ", "\n#   memory ", "A good result", "mlxr prep    recipe.toml"):
        assert opening.count(part) == 1
    stale = ("   time ", "minutes", "hours", "for the data", "recipes/", ".jsonl:\n", "--set data")
    assert [each for each in stale if each in opening] == []
    assert text.count('\nsource = "rows.jsonl"') == 1
    assert max(map(len, text.splitlines())) <= 104


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_rows_prepare(mlxr: Run, name: str, tmp_path: Path) -> None:
    assert mlxr("init", "mine", "--like", name).code == 0
    ran = mlxr("prep", "mine/recipe.toml", *SET, "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert min(document["rows"].values()) >= 4
    assert document["rows"]["test"] >= 10  # below, compare gives no verdict
    assert {each["level"] for each in document["findings"]} <= {"warning", "info"}


def test_it_can_be_looked_at_and_trained_from_inside_and_from_outside(
    mlxr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief = (*SET, "--set", "train.iters=2", "--set", "train.val_batches=1")
    assert mlxr("init", "mine", "--like", "function-calling").code == 0
    assert "Answer with a JSON list" in mlxr("preview", "mine/recipe.toml", *SET).out
    assert mlxr("prep", "mine/recipe.toml", *SET).code == 0
    monkeypatch.chdir(tmp_path / "mine")
    assert "Answer with a JSON list" in mlxr("preview", *SET).out
    assert mlxr("prep", *SET).code == 0
    layers = ("--set", "train.num_layers=2")
    ran = mlxr("train", *brief, *layers, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["iterations"] == 2


def test_here_is_the_default_and_names_the_recipe(
    mlxr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "Ana's tickets (2026)"
    folder.mkdir()
    monkeypatch.chdir(folder)
    ran = mlxr("init", "--like", "chat")
    assert ran.code == 0
    assert load(folder / "recipe.toml").recipe.name == "Ana-s-tickets-2026"
    assert ran.out.splitlines() == [
        "recipe.toml  the recipe",
        "rows.jsonl   sample rows: put your own in their place",
    ]
    assert "mlxr preview recipe.toml\n" in ran.err


def test_a_folder_without_a_usable_name_leaves_the_example_s(tmp_path: Path) -> None:
    init(tmp_path / "日本", "chat")
    assert load(tmp_path / "日本" / "recipe.toml").recipe.name == "chat"


def test_what_is_there_is_named_and_nothing_is_written(mlxr: Run, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "plain.jinja").write_text("mine")
    (tmp_path / "rows.jsonl").symlink_to("nowhere")
    ran = mlxr("init", "--like", "copywriting")
    assert ran.code == 1
    assert "templates/plain.jinja, rows.jsonl are there already" in ran.err
    assert "→ mlxr init copywriting --like copywriting\n" in ran.err
    assert tree(tmp_path) == {"templates/plain.jinja": "mine"}


def test_what_is_in_the_way_of_a_folder_leaves_nothing_half_made(mlxr: Run, tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("mine")
    assert mlxr("init", ".", "--like", "calendar").code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["templates"]


def test_a_misspelt_example_is_answered_with_the_likeliest(mlxr: Run, tmp_path: Path) -> None:
    ran = mlxr("init", "--like", "calender")
    assert ran.code == 1
    assert "No recipe called 'calender' ships with mlxr." in ran.err
    assert "→ Did you mean --like calendar?" in ran.err
    assert "There are calendar, chat," in mlxr("init", "--like", "zzz").err
    assert tree(tmp_path) == {}


def test_no_example_is_wrong_usage(mlxr: Run, tmp_path: Path) -> None:
    ran = mlxr("init", "mine")
    assert ran.code == 2
    assert "Say --like NAME; `mlxr init --list` shows the names." in ran.err
    assert tree(tmp_path) == {}


def test_a_file_in_the_place_of_the_folder_is_named(mlxr: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("a file")
    ran = mlxr("init", "mine", "--like", "chat")
    assert ran.code == 1
    assert "error: mine" in ran.err
    assert "should not have happened" not in ran.err


def test_what_ships_is_in_the_wheel() -> None:
    """A copy needs recipes, templates and rows; the wheel takes them from these places."""
    import tomllib

    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]
    taken = build["build"]["targets"]["wheel"]["force-include"]
    for name in NAMES:
        rows = f"data/demo/{name}" + ("" if name == "calendar" else ".jsonl")
        assert taken[rows] == f"mlxr/shipped/{rows}"
    assert taken["recipes"] == "mlxr/shipped/recipes"
