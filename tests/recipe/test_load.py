"""Loading: every mistake at once, overrides, inheritance, paths."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from mlxr.errors import MlxrError
from mlxr.recipe import Augment, Pool, RecipeError, find, load

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


AUGMENT = MINIMAL + '[augment]\nswaps = 1\npools.guest = ["Ana"]\nswap.out = "guest"\n'


def test_augment_takes_lists_columns_and_faker_for_pools(tmp_path: Path) -> None:
    (tmp_path / "row.jinja").touch()
    text = """
        rows = 4
        template = "row.jinja"
        pools.place = { column = "out.at" }
        pools.name = { faker = "name", count = 9 }
        """
    augment = load(write(tmp_path, AUGMENT + dedent(text))).recipe.augment
    assert augment is not None
    assert augment.template == str(tmp_path / "row.jinja")
    assert augment.pools == {
        "guest": ["Ana"],
        "place": Pool(column="out.at"),
        "name": Pool(faker="name", count=9),
    }
    assert Augment.model_validate(augment.model_dump(mode="json")) == augment


def test_paths_to_swap_need_no_quotes(tmp_path: Path) -> None:
    text = AUGMENT + 'swap."a.b" = "guest"\nswap.c.d.e = "guest"\n'
    augment = load(write(tmp_path, text), ["augment.swap.f.g=guest"]).recipe.augment
    assert augment is not None
    assert list(augment.swap) == ["out", "a.b", "c.d.e", "f.g"]


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ("", "augment: needs `rows` and `template`, or `swaps` and [augment.swap], or all."),
        ("rows = 4", "augment: give `rows` (how many) and `template` (which writes one) together."),
        ("swaps = 4", "augment: give `swaps` (copies of a row) and [augment.swap] together."),
        ("rows = -1", "augment.rows: must be at least 0, not -1."),
        (
            'swaps = 1\nswap.a.b = "gest"\npools.guest = ["Ana"]',
            'augment: swap "a.b": there is no pool gest (did you mean guest?).',
        ),
        (
            'pools.a = "Ana"',
            'augment.pools.a: must be a list of texts, { column = … } or { faker = … }, not "Ana".',
        ),
        ("pools.a = []", "augment.pools.a: is an empty list."),
        ('pools.a = ["Ana", 5]', 'augment.pools.a[1]: must be a text in "quotes", not 5.'),
        (
            "pools.a = {}",
            "augment.pools.a: needs `column` (a path in the rows) or `faker` (what to make).",
        ),
        (
            'pools.a = { faker = "name", count = 0 }',
            "augment.pools.a.count: must be at least 1, not 0.",
        ),
    ],
)
def test_mistakes_in_augment_are_named(tmp_path: Path, table: str, mistake: str) -> None:
    assert mistakes(write(tmp_path, f"{MINIMAL}[augment]\n{table}\n")) == [mistake]


def test_a_missing_row_template_is_found_before_anything_runs(tmp_path: Path) -> None:
    text = MINIMAL + '[augment]\nrows = 1\ntemplate = "row.jinja"\n'
    assert mistakes(write(tmp_path, text)) == [
        f"augment.template: {tmp_path / 'row.jinja'} does not exist."
    ]


SOURCES = 'model = "org/model"\n[data]\nmessages = "m"\nsource = '
ROWS = '"org/rows"'


@pytest.mark.parametrize(
    ("source", "mistake"),
    [
        ("5", 'data.source: must be a source in "quotes" or a list of sources, not 5.'),
        ("true", 'data.source: must be a source in "quotes" or a list of sources, not true.'),
        ('""', 'data.source: must be a text that is not empty, not "".'),
        ("[]", "data.source: is an empty list."),
        (
            "[5]",
            'data.source[0]: must be a source in "quotes" or { source = … }, not 5.',
        ),
        ('[""]', 'data.source[0].source: must be a text that is not empty, not "".'),
        (
            "[{ weight = 2 }]",
            "data.source[0].source: is missing. Add source = … to [data.source[0]].",
        ),
        (
            f"[{ROWS}, {{ source = {ROWS}, config = 'x', weight = 0 }}]",
            "data.source[1].weight: must be greater than 0.0, not 0.",
        ),
        (
            f"[{{ source = {ROWS}, weight = '2' }}]",
            'data.source[0].weight: must be a number, not "2".',
        ),
        (f"[{{ source = {ROWS}, split = 5 }}]", 'data.source[0].split: must be a text in "quotes"'),
        (f"[{ROWS}, {ROWS}]", "data.source: names org/rows twice; give it more `weight` instead."),
        (
            f"[{ROWS}, {{ source = 'org/more', weight = 2 }}]\nstreaming = true",
            "data: weights with `streaming` need a `limit`.",
        ),
        (f"[{ROWS}, 'rows.jsonl']", "data.source: "),
    ],
)
def test_mistakes_in_sources_say_which(tmp_path: Path, source: str, mistake: str) -> None:
    [found] = mistakes(write(tmp_path, SOURCES + source))
    assert found.startswith(mistake)


@pytest.mark.parametrize("table", ["{ source = 'org/rows', wieght = 2 }", "'org/rows'"])
def test_an_unknown_key_of_a_source_is_named_with_its_place(tmp_path: Path, table: str) -> None:
    path = write(tmp_path, f"{SOURCES}[{table}, {{ source = 'org/more', limit = 3 }}]\n")
    found = mistakes(path)
    assert found[-1].startswith("data.source[1].limit: is no key of a recipe.")
    assert [f.split(":")[0] for f in found[:-1]] == ["data.source[0].wieght"] * ("wieght" in table)


def test_a_list_of_sources_inherits_what_each_leaves_unsaid(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch()
    text = f"""{SOURCES}["rows.csv", {{ source = "org/rows", weight = 3, split = "test" }}]
        split = "dev"
        revision = "v1"
        """
    data = load(write(tmp_path, text)).recipe.data
    first, second = data.portions
    assert (first.source, first.split, first.revision) == (str(tmp_path / "rows.csv"), "dev", "v1")
    assert (second.weight, second.split, second.revision) == (3, "test", "v1")
    assert data.names == ["rows.csv", "org/rows"]
    assert type(data).model_validate(data.model_dump()) == data
