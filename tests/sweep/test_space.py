"""What values a sweep tries."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mlxr.errors import MlxrError
from mlxr.sweep.space import Choice, Range, draw, grid, label, parse, seeds


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("train.learning_rate=1e-5,1e-4", (1e-5, 1e-4)),
        ("train.lora_parameters.rank=4, 8", (4, 8)),
        ("train.optimizer=adam,sgd", ("adam", "sgd")),
        ('train.optimizer="adam"', ("adam",)),
        ("train.grad_checkpoint=true,false", (True, False)),
        ('train.lora_parameters.keys=["a.b"],["a.b","c"]', (["a.b"], ["a.b", "c"])),
        ("train.learning_rate=1e-4,0.0001", (1e-4,)),
    ],
)
def test_values_are_read_as_toml_reads_them(text: str, values: tuple[Any, ...]) -> None:
    (axis,) = parse([text])
    assert axis == Choice(text.partition("=")[0], values)


def test_a_range_is_two_numbers() -> None:
    assert parse(["train.learning_rate=1e-5..1e-3"]) == [Range("train.learning_rate", 1e-5, 1e-3)]
    assert parse(["k=4..32", "l=-0.5..0.5"]) == [Range("k", 4, 32), Range("l", -0.5, 0.5)]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["train.iters"], "--grid takes KEY=VALUE,VALUE, not 'train.iters'."),
        (["=4"], "--grid takes KEY=VALUE,VALUE, not '=4'."),
        (["k="], "--grid takes KEY=VALUE,VALUE, not 'k='."),
        (["k=1", "k=2"], "--grid k is given twice."),
        (["k=3..1"], "--grid k: 3..1 is empty."),
        (["k=a..b"], "--grid k: a..b is no range of numbers."),
    ],
)
def test_what_is_no_grid_is_said(texts: list[str], said: str) -> None:
    with pytest.raises(MlxrError, match=re.escape(said)):
        parse(texts)


def test_a_grid_is_every_combination() -> None:
    found = grid(parse(["a=1,2", "b=x,y"]))
    assert found == [{"a": i, "b": j} for i in (1, 2) for j in ("x", "y")]
    assert grid([]) == [{}]
    with pytest.raises(MlxrError, match="a range needs --random N"):
        grid(parse(["a=1..2"]))


def test_drawn_settings_are_different_repeat_and_stay_in_their_range() -> None:
    axes = parse(["lr=1e-5..1e-3", "rank=2..64", "p=0.1..0.3", "o=adam,sgd"])
    found = draw(axes, 200, seed=3)
    assert found == draw(axes, 200, seed=3) != draw(axes, 200, seed=4)
    assert len({label(each) for each in found}) == 200
    assert all(1e-5 <= each["lr"] <= 1e-3 and 0.1 <= each["p"] <= 0.3 for each in found)
    assert {type(each["rank"]) for each in found} == {int}
    assert {each["o"] for each in found} == {"adam", "sgd"}
    # Evenly by logarithm: half below the geometric mean. Evenly by value: half below the middle.
    assert 70 < sum(each["lr"] < 1e-4 for each in found) < 130
    assert 70 < sum(each["p"] < 0.2 for each in found) < 130


def test_more_settings_than_there_are_is_said() -> None:
    with pytest.raises(MlxrError, match="only 2 settings"):
        draw(parse(["a=1,2"]), 3, seed=1)


def test_seeds() -> None:
    assert seeds("3, 1,3") == [3, 1]
    assert seeds("") == []
    for wrong in ("a", "-1", "1,²"):
        with pytest.raises(MlxrError, match=f"whole numbers from 0 on, not '{wrong}'"):
            seeds(wrong)
