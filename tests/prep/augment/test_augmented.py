"""Made-up rows are trained on, audited like the rest, and never reach valid or test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlxr.prep.stage import Preparation
from mlxr.recipe import Recipe
from prep.samples import make_recipe, prepared, records, write_rows

NAMES = ["Ana", "Bo", "Cleo", "Dag", "Edo", "Fay", "Gus", "Hal", "Ida", "Jon"]
TEMPLATE = """
{% set who = pick("guest") %}
{{ {"text": "Lunch with " ~ who, "answer": who} | to_json }}
"""


@pytest.fixture
def recipe(model: Path, tmp_path: Path) -> Recipe:
    """Return a recipe over rows of which the row template can write every one again."""
    rows = [{"text": f"Lunch with {name}", "answer": name} for name in NAMES]
    rows += [{"text": f"Supper with {a} at {i}", "answer": a} for i, a in enumerate(NAMES * 3)]
    (tmp_path / "event.jinja").write_text(TEMPLATE)
    source = write_rows(tmp_path / "rows.jsonl", rows)
    splits = {"train": 0.5, "valid": 0.25, "test": 0.25}
    return make_recipe(model, source, data={"splits": splits}, allow=["empty-split"])


def augmented(recipe: Recipe, tmp_path: Path, **settings: Any) -> Preparation:
    augment = {"pools": {"guest": [*NAMES, "Kim", "Lou", "Mia"]}, **settings}
    return prepared(Recipe.model_validate({**recipe.model_dump(), "augment": augment}), tmp_path)


def prompts(preparation: Preparation, split: str) -> set[str]:
    return {r["messages"][1]["content"] for r in records(preparation)[split]}


def written(tmp_path: Path) -> dict[str, Any]:
    return {"rows": 6, "template": str(tmp_path / "event.jinja")}


def test_new_rows_are_trained_and_valid_and_test_stay_as_they_are(
    recipe: Recipe, tmp_path: Path
) -> None:
    plain = prepared(recipe, tmp_path / "plain")
    more = augmented(recipe, tmp_path / "more", swaps=2, swap={"answer": "guest"})
    for split in ("valid", "test"):
        one, other = (each.prepared.split(split).read_bytes() for each in (plain, more))
        assert one == other
    made = [r for r in records(more)["train"] if r["mlxr"]["source"] == "augment/swap"]
    assert len(made) > plain.rows["train"]
    assert all(r["messages"][2]["content"] in r["messages"][1]["content"] for r in made)
    assert prompts(plain, "train") < prompts(more, "train")


def test_what_valid_or_test_has_is_left_out_and_said(recipe: Recipe, tmp_path: Path) -> None:
    more = augmented(recipe, tmp_path, **written(tmp_path))
    held_out = prompts(more, "valid") | prompts(more, "test")
    assert not prompts(more, "train") & held_out
    made = [r for r in records(more)["train"] if r["mlxr"]["source"] == "augment/template"]
    [overlap] = [f for f in more.findings if f.code == "split-overlap"]
    assert overlap.counts["train"] == 6 - len(made) > 0
    assert "made by augmentation and left out, as valid or test has it" in overlap.message
    assert overlap.examples[0].startswith("augment/template:")


def test_made_up_rows_are_audited(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "event.jinja").write_text('{{ {"text": "x" ~ number(1, 10**9)} | to_json }}')
    with_bad = Recipe.model_validate({**recipe.model_dump(), "allow": ["template-failed"]})
    more = augmented(with_bad, tmp_path, **written(tmp_path))
    [failed] = [f for f in more.findings if f.code == "template-failed"]
    assert failed.counts == {"train": 6}


def test_the_same_recipe_gives_the_same_bytes(recipe: Recipe, tmp_path: Path) -> None:
    settings = {**written(tmp_path), "swaps": 1, "swap": {"answer": "guest"}}
    one, other = (augmented(recipe, tmp_path / name, **settings) for name in "ab")
    for name in ("train.jsonl", "audit.json", "manifest.json"):
        assert (one.prepared.folder / name).read_bytes() == (
            other.prepared.folder / name
        ).read_bytes()


def test_a_made_up_answer_that_is_undesirable_is_not_trained_on(
    recipe: Recipe, tmp_path: Path
) -> None:
    bad = TEMPLATE.replace('"answer": who', '"answer": who, "good": "no"')
    (tmp_path / "event.jinja").write_text(bad.replace("Lunch", "Tea"))
    kept = recipe.data.model_copy(update={"undesirable": "test", "label": "good"})
    source = write_rows(
        tmp_path / "rated.jsonl",
        [
            {"text": f"Supper with {name} at {i}", "answer": name, "good": "yes"}
            for i, name in enumerate(NAMES * 3)
        ],
    )
    rated = recipe.model_copy(update={"data": kept.model_copy(update={"source": str(source)})})
    made = augmented(rated, tmp_path, **written(tmp_path))
    assert made.rows["train"]
    assert not any("Tea" in prompt for prompt in prompts(made, "train"))
