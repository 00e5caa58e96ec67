"""From recipe to mlx_lm's configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlxr.errors import MlxrError
from mlxr.model import ModelConfig
from mlxr.recipe import Recipe
from mlxr.train.config import Schedule, arguments, command, mlx_lm_config, schedule

FOUR_LAYERS = ModelConfig({"num_hidden_layers": 4})


def recipe(**train: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "r",
            "model": "org/m",
            "data": {"source": "org/d", "messages": "m"},
            "train": train,
        }
    )


def config(model: ModelConfig = FOUR_LAYERS, rows: int = 100, **train: Any) -> dict[str, Any]:
    made = recipe(**train)
    length = schedule(made.train, rows)
    return mlx_lm_config(made, model, Path("data/r"), Path("adapters/r/0001"), length)


def test_every_key_of_mlx_lm_is_written() -> None:
    from mlx_lm.lora import CONFIG_DEFAULTS

    assert set(CONFIG_DEFAULTS) - set(config()) == {"config"}  # which is this file itself


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ({"epochs": 2, "batch_size": 8}, Schedule(26, 13, 26, 3, 3)),
        ({"iters": 40, "grad_accumulation_steps": 4}, Schedule(40, 25, 10, 4, 4)),
        ({"iters": 40, "steps_per_eval": 10, "save_every": 20}, Schedule(40, 25, 40, 10, 20)),
        ({}, Schedule(75, 25, 75, 8, 8)),
        ({"epochs": 0.5}, Schedule(13, 25, 13, 2, 2)),
    ],
)
def test_length_of_a_run_over_100_rows(train: dict[str, Any], expected: Schedule) -> None:
    assert schedule(recipe(**train).train, 100) == expected


def test_a_run_without_an_update_is_refused() -> None:
    with pytest.raises(MlxrError, match="no optimizer update would happen"):
        schedule(recipe(iters=3, grad_accumulation_steps=4).train, 100)


def test_alpha_becomes_scale() -> None:
    table = config(lora_parameters={"rank": 16, "alpha": 32.0, "keys": ["mlp.up_proj"]})
    assert table["lora_parameters"] == {
        "rank": 16, "scale": 2.0, "dropout": 0.0, "keys": ["mlp.up_proj"],
    }  # fmt: skip
    assert config()["lora_parameters"] == {"rank": 8, "scale": 20.0, "dropout": 0.0}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        (
            {"name": "cosine", "warmup": 0.1},
            {
                "name": "cosine_decay", "arguments": [1e-3, 36, 0.0],
                "warmup": 4, "warmup_init": 0.0,
            },
        ),
        (
            {"name": "linear", "end": 1e-6},
            {
                "name": "linear_schedule", "arguments": [1e-3, 1e-6, 40],
                "warmup": 0, "warmup_init": 0.0,
            },
        ),
        (
            {"warmup": 10, "warmup_init": 1e-7},
            {
                "name": "linear_schedule", "arguments": [1e-3, 1e-3, 30],
                "warmup": 10, "warmup_init": 1e-7,
            },
        ),
    ],
)  # fmt: skip
def test_schedules_become_mlx_lms(given: dict[str, Any], expected: dict[str, Any] | None) -> None:
    made = config(iters=160, grad_accumulation_steps=4, learning_rate=1e-3, lr_schedule=given)
    assert made["lr_schedule"] == expected


def test_mlx_lm_builds_the_schedule_as_meant() -> None:
    from mlx_lm.tuner.utils import build_schedule

    table = config(
        iters=40, learning_rate=1e-3, lr_schedule={"name": "cosine", "warmup": 10, "end": 1e-5}
    )
    rate = build_schedule(table["lr_schedule"])
    rates = [float(rate(update)) for update in range(41)]
    assert rates[0] == 0.0
    assert max(rates) == pytest.approx(1e-3)
    assert rates[10] == pytest.approx(1e-3)
    assert float(rate(41)) == pytest.approx(1e-5)  # the warm-up lasts one update longer


def test_optimizer_arguments_reach_the_table_of_their_optimizer() -> None:
    made = config(optimizer="adamw", optimizer_config={"weight_decay": 0.1})
    assert made["optimizer_config"] == {"adamw": {"weight_decay": 0.1}}


def test_num_layers_yields_to_a_small_model_only_when_the_recipe_is_silent() -> None:
    assert config()["num_layers"] == 4
    assert config(num_layers=-1)["num_layers"] == -1


def test_code_of_a_model_is_trusted_on_the_command_line() -> None:
    """mlx_lm takes no notice of it in the file."""
    assert arguments(Path("c.yaml"), trust_remote_code=True) == [
        "-c",
        "c.yaml",
        "--trust-remote-code",
    ]
    assert command(Path("a b.yaml")) == "python -m mlx_lm lora -c 'a b.yaml'"
