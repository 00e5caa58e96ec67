"""What a sweep says besides its table, and the recipe it writes."""

from __future__ import annotations

from pathlib import Path

from mlxr.recipe import load
from mlxr.sweep.criterion import LOSS
from mlxr.sweep.found import Sweep, caution
from mlxr.sweep.standing import Standing
from mlxr.sweep.winner import write_best
from sweep.test_standing import standing
from train.runs import Write


def told(*standings: Standing) -> list[str]:
    return caution(Sweep(Path("r.toml"), LOSS, None, standings, Path("sweep.json")))


def test_the_choice_is_called_optimistic_and_held_against_the_seeds() -> None:
    said = told(standing("a", 1.0, 1.2), standing("b", 1.3, 1.5))
    assert said == [
        "Measured on the validation split. The best of 2 settings, chosen by these rows, looks"
        " better on them than it is; `mlxr compare` judges it on test rows.",
        "Seeds alone move validation loss by 0.141 nats/token (standard deviation within a"
        " setting). The best two settings lie 0.3 nats/token apart, more than seeds explain.",
    ]
    near = told(standing("a", 1.0, 1.2), standing("b", 1.1, 1.3))
    assert near[-1].endswith("The best two settings lie 0.1 nats/token apart, not more than seeds"
                             " explain.")  # fmt: skip


def test_one_seed_says_nothing_of_chance() -> None:
    said = told(standing("a", 1.0), standing("b", 2.0))
    assert said[-1].startswith("One seed a setting: ")


def test_one_setting_says_how_far_seeds_spread() -> None:
    (said,) = told(standing("a", 1.0, 1.2))
    assert said == (
        "Seeds alone move validation loss by 0.141 nats/token (standard deviation within a"
        " setting)."
    )


def test_those_left_behind_are_said_to_be_judged_otherwise() -> None:
    said = told(standing("a", 1.0, 1.2), standing("b", None, left_at=2))
    assert "Those left behind were judged by their validation loss at that iteration." in said


def test_the_best_recipe_never_replaces_another_and_leaves_the_seed_out(
    write_recipe: Write,
) -> None:
    base = write_recipe()
    trial = load(base, ["train.learning_rate=1e-5", "train.seed=2"])
    first = write_best(trial, "One.", base.parent)
    assert first.name == "r-best.toml"
    assert write_best(trial, "One.", base.parent) == first
    second = write_best(trial, "Another.", base.parent)
    assert second.name == "r-best-2.toml"
    assert first.read_text().startswith("# One.\n")
    recipe = load(second).recipe
    assert (recipe.train.learning_rate, recipe.train.seed) == (1e-5, None)
