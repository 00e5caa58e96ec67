"""A limit takes a fair part of the test rows, whatever order the file has."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mlxr.compare.choice import choose

IDS = [f"row{i}" for i in range(100)]
KINDS = ["often"] * 90 + ["seldom"] * 10


@pytest.mark.parametrize("limit", [None, 100, 500])
def test_without_a_limit_that_bites_all_are_taken(limit: int | None) -> None:
    assert choose(IDS, KINDS, limit, 42) == list(range(100))


@pytest.mark.parametrize("limit", [10, 20, 50, 70])
def test_each_category_has_its_share_of_a_sorted_file(limit: int) -> None:
    places = choose(IDS, KINDS, limit, 42)
    assert places == sorted(set(places))
    assert Counter(KINDS[i] for i in places) == {"often": limit * 9 // 10, "seldom": limit // 10}


def test_the_first_rows_are_not_preferred() -> None:
    times = Counter(i for seed in range(400) for i in choose(IDS, [None] * 100, 20, seed))
    assert len(times) == 100
    assert sum(times[i] for i in range(50)) == pytest.approx(4000, rel=0.1)


def test_the_order_of_the_file_has_no_influence_and_the_seed_has() -> None:
    order = list(range(100))
    random.Random(1).shuffle(order)
    ids, kinds = [IDS[i] for i in order], [KINDS[i] for i in order]
    chosen = {IDS[i] for i in choose(IDS, KINDS, 30, 42)}
    assert {ids[i] for i in choose(ids, kinds, 30, 42)} == chosen
    assert {IDS[i] for i in choose(IDS, KINDS, 30, 43)} != chosen
