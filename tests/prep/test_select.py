from __future__ import annotations

from pathlib import Path
from typing import Any

from mlxr.prep.select import select
from mlxr.prep.sources import open_source
from mlxr.prep.tally import Tally
from prep.samples import make_recipe, write_rows


def chosen(
    root: Path, rows: list[dict[str, int]], tally: Tally | None = None, **data: Any
) -> list[int]:
    source = write_rows(root / "rows.jsonl", rows)
    recipe = make_recipe(root, source, data={"messages": "m", **data})
    taken = select(open_source(recipe.data), recipe, tally or Tally())
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
