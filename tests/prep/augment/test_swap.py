from __future__ import annotations

import copy
import re
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlxr.prep.augment.swap import swappable, swapped

SWAP = {"output.guests": "guest", "output.at": "place"}
POOLS = {"guest": ["Xi", "Zed Quill"], "place": ["Ys"]}


def swap(values: dict[str, Any], seed: int = 1) -> dict[str, Any] | None:
    return swapped(values, swappable(values, SWAP), SWAP, POOLS, Random(seed))


def row(text: str, *guests: str, **output: str) -> dict[str, Any]:
    return {"text": text, "output": {"guests": list(guests), **output}}


def test_text_and_answer_change_together_and_the_rest_stays() -> None:
    values: dict[str, Any] = {
        "id": 7,
        "text": "Ana's lunch: Ana, at the Dome.",
        "tags": ["with Ana", {"n": 1.5}],
        "output": {"title": "Lunch with Ana", "guests": ["Ana"], "at": "Dome", "hour": None},
    }
    before = copy.deepcopy(values)
    new = swap(values)
    assert new is not None
    who = new["output"]["guests"][0]
    assert who in POOLS["guest"]
    assert new == {
        "id": 7,
        "text": f"{who}'s lunch: {who}, at the Ys.",
        "tags": [f"with {who}", {"n": 1.5}],
        "output": {"title": f"Lunch with {who}", "guests": [who], "at": "Ys", "hour": None},
    }
    assert list(new) == list(values)
    assert list(new["output"]) == list(before["output"])
    assert values == before


@pytest.mark.parametrize(
    "values",
    [
        row("Lunch with my sister", "Ana"),
        row("Lunch with Anabel", "Ana"),
        row("Lunch with Ana-Maria", "Ana"),
        row("Write to Ana@b.org", "Ana"),
        row("Lunch with Jose\u0301", "Jose"),  # é in two characters
        row("\u0930\u093e\u092e\u093e", "\u0930\u093e\u092e"),  # a vowel sign more
        row("Lunch with Ana", "Ana", "Ana Ruiz"),
        row("Lunch with Ana", "n/a"),
        {"text": "Lunch with Ana", "output": {"guests": None}},
        {"text": "Lunch with Ana"},
        {"output": {"guests": ["Ana"], "title": "Lunch with Ana"}},
    ],
)
def test_what_the_text_has_not_as_whole_words_is_not_swapped(values: dict[str, Any]) -> None:
    assert swappable(values, SWAP) == {}


def test_an_entity_within_another_is_left_alone() -> None:
    values = row("Ana Ruiz comes; later Ana", "Ana", "Ana Ruiz")
    assert swappable(values, SWAP) == {"Ana Ruiz": "guest"}
    new = swap(values)
    assert new is not None
    assert new["output"]["guests"][0] == "Ana"
    assert new["text"].endswith("later Ana")


@pytest.mark.parametrize(
    "values",
    [
        row("Only Ana Ruiz", "Ana", "Ana Ruiz"),  # Ana would stand nowhere any more
        row("Meet at New York Minster", "New York", at="York Minster"),  # they overlap
    ],
)
def test_a_copy_that_no_longer_agrees_is_given_up(values: dict[str, Any]) -> None:
    assert swappable(values, SWAP)
    assert all(swap(values, seed) is None for seed in range(20))


def test_a_replacement_is_new_to_the_row() -> None:
    for seed in range(20):
        new = swap(row("Xi meets Ana", "Ana"), seed)
        assert new == row("Xi meets Zed Quill", "Zed Quill")
        two = swap(row("Ana meets Bo", "Ana", "Bo"), seed)
        assert two is not None
        assert sorted(two["output"]["guests"]) == ["Xi", "Zed Quill"]


def test_an_entity_without_a_replacement_stays() -> None:
    new = swap(row("Ana, Bo and Cy", "Ana", "Bo", "Cy"))
    assert new is not None
    assert new["output"]["guests"][2] == "Cy"
    assert swap(row("At Oslo with Ys", at="Oslo")) is None


def test_a_replacement_never_brings_a_former_entity_back() -> None:
    pools = {"guest": ["Bo Lind", "Xi"], "place": ["Ys"]}
    values = row("Ana meets Bo", "Ana", "Bo")
    for seed in range(20):
        new = swapped(values, swappable(values, SWAP), SWAP, pools, Random(seed))
        assert new == row("Xi meets Bo", "Xi", "Bo")


NAMES = st.sampled_from(["Ana", "Ana Ruiz", "Ruiz", "Bo", "Bob", "Ana-Bo", "Ruiz Bo"])
GLUE = st.sampled_from([" ", " ", ", ", "-", "'s ", ". ", "@", "s "])


@given(
    st.lists(st.tuples(NAMES, GLUE), min_size=1, max_size=6),
    st.lists(NAMES, min_size=1, max_size=3, unique=True),
    st.integers(0, 99),
)
def test_the_new_stands_in_both_the_old_in_neither_and_nothing_else_moves(
    pieces: list[tuple[str, str]], guests: list[str], seed: int
) -> None:
    values = row("".join(name + glue for name, glue in pieces), *guests)
    new = swap(values, seed)
    assume(new is not None)
    assert new is not None
    changed = {
        other: old
        for old, other in zip(guests, new["output"]["guests"], strict=True)
        if old != other
    }
    assert changed
    restored = new["text"]
    for other, old in changed.items():
        assert other in new["text"]
        assert not re.search(rf"(^|[ ,]){old}($|[ ,'])", new["text"])
        restored = restored.replace(other, old)
    assert restored == values["text"]
