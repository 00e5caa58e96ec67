from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxr.errors import MlxrError
from mlxr.prep.audit.tally import Tally
from mlxr.prep.proportion import shared
from mlxr.prep.sources.select import quotas, select
from mlxr.prep.sources.source import open_sources
from prep.samples import make_recipe, write_rows


def chosen(
    root: Path, rows: list[dict[str, int]], tally: Tally | None = None, **data: Any
) -> list[int]:
    source = write_rows(root / "rows.jsonl", rows)
    recipe = make_recipe(root, source, data={"messages": "m", **data})
    taken = select(open_sources(recipe.data), recipe, tally or Tally())
    return [row.values["n"] for row in taken]


ROWS = [{"n": n} for n in range(100)]


def test_all_rows_are_taken_in_their_order(tmp_path: Path) -> None:
    assert chosen(tmp_path, ROWS) == list(range(100))


def test_where_comes_before_limit(tmp_path: Path) -> None:
    tally = Tally()
    taken = chosen(tmp_path, ROWS, tally, where="n % 2 == 0", limit=10)
    assert len(taken) == 10
    assert taken == sorted(taken)
    assert all(n % 2 == 0 for n in taken)
    assert tally.read == 100


def test_limit_is_a_seeded_choice_that_other_rows_barely_disturb(tmp_path: Path) -> None:
    taken = chosen(tmp_path, ROWS, limit=20)
    assert taken != list(range(20))
    assert chosen(tmp_path, ROWS[::-1], limit=20) == taken[::-1]
    more = chosen(tmp_path, [*ROWS, {"n": 100}], limit=20)
    assert len(set(more) & set(taken)) >= 19


def test_a_limit_beyond_the_rows_takes_all(tmp_path: Path) -> None:
    assert chosen(tmp_path, ROWS, limit=1000) == list(range(100))


def test_rows_on_which_where_fails_are_tallied(tmp_path: Path) -> None:
    tally = Tally()
    assert chosen(tmp_path, ROWS[:3], tally, where="n % (n - 1) == 0") == [0, 2]
    assert (tally.total("template-failed"), tally.rows) == (1, 1)
    assert tally.examples["template-failed"] == ["rows.jsonl:2"]


def mixed(
    root: Path, sizes: dict[str, int], weights: dict[str, float], **data: Any
) -> dict[str, list[int]]:
    """Return the numbers of the rows taken from each of several sources."""
    sources = []
    for name, size in sizes.items():
        path = write_rows(root / f"{name}.jsonl", [{"n": n, "of": name} for n in range(size)])
        weight = {"weight": weights[name]} if name in weights else {}
        sources.append({"source": str(path), **weight})
    data = {"messages": "m", **data, "source": sources}
    recipe = make_recipe(root, "", data=data)
    taken = list(select(open_sources(recipe.data), recipe, Tally()))
    assert [row.values["of"] for row in taken] == sorted(
        (row.values["of"] for row in taken), key=list(sizes).index
    )
    places = Counter(row.place for row in taken)
    assert set(places.values()) <= {1}
    return {name: [r.values["n"] for r in taken if r.values["of"] == name] for name in sizes}


def counts(taken: dict[str, list[int]]) -> list[int]:
    return [len(rows) for rows in taken.values()]


SIZES = {"a": 300, "b": 100}


@pytest.mark.parametrize(
    ("weights", "data", "expected"),
    [
        ({}, {}, [300, 100]),
        ({"a": 1, "b": 1}, {}, [100, 100]),
        ({"a": 2}, {}, [200, 100]),
        ({"a": 1, "b": 3}, {"limit": 40}, [10, 30]),
        ({"a": 1, "b": 3}, {"limit": 1000}, [33, 100]),
        ({"a": 5, "b": 1}, {"where": "n < 60"}, [60, 12]),
        ({"a": 1, "b": 1}, {"limit": 1}, [1, 0]),
        ({"a": 1, "b": 3}, {"limit": 40, "streaming": True}, [10, 30]),
    ],
)
def test_weights_are_shares_that_no_source_has_to_stretch_for(
    tmp_path: Path, weights: dict[str, float], data: dict[str, Any], expected: list[int]
) -> None:
    assert counts(mixed(tmp_path, SIZES, weights, **data)) == expected


def test_without_weights_a_limit_takes_of_all_sources_alike(tmp_path: Path) -> None:
    first, second = counts(mixed(tmp_path, SIZES, {}, limit=200))
    assert first + second == 200
    assert 120 < first < 180  # 150 of 200 are expected; the seed is fixed


def test_the_order_of_the_sources_decides_nothing_but_the_order(tmp_path: Path) -> None:
    for weights in ({}, {"a": 2.0, "b": 1.0}):
        one = mixed(tmp_path, SIZES, weights, limit=30)
        other = mixed(tmp_path, dict(reversed(SIZES.items())), weights, limit=30)
        assert one == other


def test_rows_added_to_one_source_leave_the_choice_of_another(tmp_path: Path) -> None:
    one = mixed(tmp_path, SIZES, {"a": 1, "b": 1}, limit=50)
    other = mixed(tmp_path, {**SIZES, "a": 400}, {"a": 1, "b": 1}, limit=50)
    assert other["b"] == one["b"]
    assert len(set(other["a"]) & set(one["a"])) >= 15


def test_equal_rows_of_a_source_are_taken_one_by_one(tmp_path: Path) -> None:
    assert chosen(tmp_path, [{"n": 1}] * 10, limit=4) == [1] * 4


def test_a_weighted_source_without_a_row_left_is_named(tmp_path: Path) -> None:
    with pytest.raises(MlxrError, match=r"leaves no row of b\.jsonl, which has a weight"):
        mixed(tmp_path, SIZES, {"a": 1, "b": 1}, where="of == 'a'")


sources = st.lists(st.tuples(st.integers(1, 10**6), st.floats(1e-3, 1e3)), min_size=1, max_size=6)


@given(sources, st.none() | st.integers(1, 10**6))
def test_no_quota_is_more_than_a_source_has_or_a_row_off_its_share(
    sources: list[tuple[int, float]], limit: int | None
) -> None:
    sizes, weights = [s for s, _ in sources], [w for _, w in sources]
    taken = quotas(sizes, weights, limit)
    assert all(0 <= t <= size for t, size in zip(taken, sizes, strict=True))
    assert limit is None or sum(taken) <= limit
    for t, weight in zip(taken, weights, strict=True):
        assert abs(t - sum(taken) * weight / sum(weights)) < 1
    if limit is None or sum(taken) < limit:  # as many as there can be
        whole = sum(taken) + 1
        assert any(
            whole * w / sum(weights) > size * (1 - 1e-9)
            for size, w in zip(sizes, weights, strict=True)
        )


@given(st.integers(0, 10**6), st.lists(st.floats(0, 1e3), max_size=8))
def test_a_whole_number_is_shared_out_whole(total: int, parts: list[float]) -> None:
    given = shared(total, parts)
    assert sum(given) == (total if sum(parts) else 0)
    assert all(each >= 0 for each in given)
