"""Loading: every mistake at once, overrides, inheritance, paths."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from mlxr.errors import MlxrError
from mlxr.recipe import RecipeError, find, load

MINIMAL = """
model = "org/model"
[data]
source = "org/rows"
messages = "conversation"
"""


def write(folder: Path, text: str, name: str = "my.toml") -> Path:
    path = folder / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def mistakes(path: Path, *overrides: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load(path, overrides)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_minimal_recipe_takes_its_name_from_the_file(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, MINIMAL))
    assert loaded.recipe.name == "my"
    assert loaded.recipe.train.batch_size == 4
    assert loaded.recipe.compare.task == "text"


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        modle = "x"
        model = "org/model"
        [data]
        source = "org/rows"
        messages = "m"
        [train]
        learning_rat = 1e-4
        batch-size = 2
        iters = "50"
        grad_checkpoint = 1
        optimizer = "adamx"
        [train.lora_parameters]
        rank = 0
        [compare]
        rank = 4
        """,
    )
    assert mistakes(path) == [
        'train.iters: must be a whole number, not "50".',
        'train.optimizer: must be "adam", "adamw", "muon", "sgd" or "adafactor", not "adamx".'
        ' Did you mean "adam"?',
        "train.lora_parameters.rank: must be at least 1, not 0.",
        "train.grad_checkpoint: must be true or false, not 1.",
        "train.learning_rat: is no key of a recipe. Did you mean learning_rate?",
        "train.batch-size: is no key of a recipe. Did you mean batch_size?",
        "compare.rank: is no key of a recipe. Did you mean train.lora_parameters.rank?",
        "modle: is no key of a recipe. Did you mean model?",
    ]


def test_missing_keys_say_where_to_add_them(tmp_path: Path) -> None:
    assert mistakes(write(tmp_path, "[data]\nmessages = 'm'")) == [
        "model: is missing. Add model = … to the top of the file.",
        "data.source: is missing. Add source = … to [data].",
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs=2", "train: give `iters` or `epochs`, not both."),
        ("data.template=t.jinja", "data: give `template` or `messages`, not both."),
        ("train.lora_parameters={scale=1.0, alpha=2.0}", "not both (scale = alpha / rank)."),
        ("data.splits={train=0.9, valid=0.2, test=0.1}", "the shares add up to 1.2"),
        ("data.splits={train=0.9, valid=10, test=0.1}", "all shares, all counts or all names"),
    ],
)
def test_contradictions_are_named(tmp_path: Path, override: str, message: str) -> None:
    found = mistakes(write(tmp_path, MINIMAL), "train.iters=5", override)
    assert len(found) == 1
    assert message in found[0]


def test_set_overrides_the_environment_which_overrides_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, MINIMAL + "[train]\nlearning_rate = 1e-5\niters = 10\nbatch_size = 2\n")
    monkeypatch.setenv("MLXR_TRAIN__LEARNING_RATE", "1e-3")
    monkeypatch.setenv("MLXR_TRAIN__ITERS", "20")
    loaded = load(path, ["train.iters=50", "name=other"])
    train = loaded.recipe.train
    assert (train.batch_size, train.learning_rate, train.iters) == (2, 1e-3, 50)
    assert loaded.recipe.name == "other"
    assert loaded.origins["train.batch_size"] == str(path)
    assert loaded.origins["train.learning_rate"] == "MLXR_TRAIN__LEARNING_RATE"
    assert loaded.origins["train.iters"] == "--set"
    assert "train.num_layers" not in loaded.origins


def test_extends_merges_tables_and_keeps_the_parents_paths(tmp_path: Path) -> None:
    (tmp_path / "t.jinja").touch()
    write(
        tmp_path,
        """
        model = "org/model"
        [data]
        source = "org/rows"
        template = "t.jinja"
        [train]
        iters = 5
        batch_size = 2
        """,
        "parent.toml",
    )
    (tmp_path / "demo").mkdir()
    child = write(tmp_path / "demo", 'extends = "../parent.toml"\n[train]\niters = 7\n')
    recipe = load(child).recipe
    assert (recipe.train.iters, recipe.train.batch_size) == (7, 2)
    assert recipe.template == tmp_path / "t.jinja"


def test_a_circle_of_extends_is_refused(tmp_path: Path) -> None:
    write(tmp_path, 'extends = "b.toml"', "a.toml")
    with pytest.raises(MlxrError, match=r"b\.toml extends itself"):
        load(write(tmp_path, 'extends = "a.toml"', "b.toml"))


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").touch()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").touch()
    text = MINIMAL.replace("org/model", "./model").replace("org/rows", "rows.jsonl")
    recipe = load(write(tmp_path, text)).recipe
    assert recipe.model == str(tmp_path / "model")
    assert recipe.data.source == str(tmp_path / "rows.jsonl")


def test_the_adapter_to_begin_from_is_relative_to_the_recipe_or_to_here(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    path = write(tmp_path / "sub", MINIMAL + '[train]\nresume_adapter_file = "a.safetensors"\n')
    given = load(path).recipe.train.resume_adapter_file
    assert given == str(tmp_path / "sub" / "a.safetensors")
    given = load(path, ["train.resume_adapter_file=b.safetensors"]).recipe.train.resume_adapter_file
    assert given == str(tmp_path / "b.safetensors")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("num_layers=0", "num_layers = 0 trains nothing"),
        ("min_delta=0.1", "min_delta does nothing without early_stopping_patience"),
        ("answer_start_weight=2.0", "answer_start_weight needs mask_prompt = true"),
        ("early_stopping_patience=2", "early_stopping_patience needs validation"),
        ('report_to="wandbb"', 'takes "wandb", "swanlab" and "tensorboard"'),
    ],
)
def test_keys_of_train_that_could_do_nothing(tmp_path: Path, override: str, said: str) -> None:
    path = write(tmp_path, MINIMAL + "[train]\nmask_prompt = false\nval_batches = 0\n")
    found = mistakes(path, f"train.{override}")
    assert len(found) == 1
    assert said in found[0]


def test_missing_files_are_found_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "calendar.jinja").touch()
    text = """
        model = "./nowhere"
        [data]
        source = "rows.jsonl"
        template = "calender.jinja"
        """
    assert mistakes(write(tmp_path, text)) == [
        f"model: the folder {tmp_path / 'nowhere'} does not exist. Or name a Hub id.",
        f"data.source: {tmp_path / 'rows.jsonl'} does not exist. Or name a Hub id.",
        f"data.template: {tmp_path / 'calender.jinja'} does not exist."
        " Templates there: calendar.jinja.",
    ]


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(MlxrError, match=r"my\.toml is not TOML: .*line 2"):
        load(write(tmp_path, "model = 'a'\nname = \n"))


def test_the_only_recipe_is_found(tmp_path: Path) -> None:
    with pytest.raises(MlxrError, match=r"neither recipe\.toml nor"):
        find(tmp_path)
    (tmp_path / "recipes").mkdir()
    one = write(tmp_path / "recipes", MINIMAL, "one.toml")
    assert find(tmp_path) == one
    write(tmp_path / "recipes", MINIMAL, "two.toml")
    with pytest.raises(MlxrError, match=r"There are 2: recipes/one\.toml, recipes/two\.toml"):
        find(tmp_path)
    recipe = write(tmp_path, MINIMAL, "recipe.toml")
    assert find(tmp_path) == recipe
