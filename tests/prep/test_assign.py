"""What belongs together stays together, all the way into the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlxr.errors import MlxrError
from prep.samples import clean_rows, make_recipe, prepared, records, write_rows

SHARES = {"train": 0.5, "valid": 0.25, "test": 0.25}
LOOSE = ["empty-split", "split-too-small"]


def written(
    model: Path, root: Path, rows: list[dict[str, Any]], **tables: Any
) -> dict[int, tuple[str, dict[str, Any]]]:
    """Prepare `rows`; return split and record of each that was written, by row."""
    source = write_rows(root / "rows.jsonl", rows)
    recipe = make_recipe(model, source, allow=LOOSE, **tables)
    by_split = records(prepared(recipe, root))
    return {r["mlxr"]["row"] - 1: (split, r) for split, rs in by_split.items() for r in rs}


def text(seed: int, words: int = 60) -> str:
    return " ".join(f"w{seed}x{i}" for i in range(words))


def test_a_group_is_never_divided(model: Path, tmp_path: Path) -> None:
    rows = [{**row, "talk": i // 5} for i, row in enumerate(clean_rows(60))]
    found = written(model, tmp_path, rows, data={"splits": {**SHARES, "group": "talk"}})
    for talk in range(12):
        assert len({found[i][0] for i in range(talk * 5, talk * 5 + 5)}) == 1
    assert len({split for split, _ in found.values()}) == 3
    assert all(r["mlxr"]["cluster"] == str(i // 5) for i, (_, r) in found.items())


def test_each_stratum_is_divided_alike(model: Path, tmp_path: Path) -> None:
    rows = [
        {**row, "kind": "rare" if i % 10 == 0 else "often"} for i, row in enumerate(clean_rows(80))
    ]
    found = written(model, tmp_path, rows, data={"splits": {**SHARES, "stratify": "kind"}})
    rare = [split for i, (split, _) in found.items() if i % 10 == 0]
    assert sorted(rare) == ["test"] * 2 + ["train"] * 4 + ["valid"] * 2


@pytest.mark.parametrize("key", ["group", "stratify"])
def test_a_column_that_no_row_has_is_told(model: Path, tmp_path: Path, key: str) -> None:
    with pytest.raises(MlxrError) as raised:
        written(model, tmp_path, clean_rows(), data={"splits": {**SHARES, key: "tlak"}})
    assert raised.value.message == f"data.splits.{key}: no row has a value in a column 'tlak'."


def test_nearly_the_same_prompts_share_a_split(model: Path, tmp_path: Path) -> None:
    rows = [{"text": text(i), "answer": f"number {i}"} for i in range(40)]
    rows += [{"text": f"{text(i)} also", "answer": f"number {i}"} for i in range(40)]
    train = {"max_seq_length": 2000}
    found = written(model, tmp_path, rows, train=train, data={"splits": SHARES})
    assert all(found[i][0] == found[i + 40][0] for i in range(40))
    loose = {"splits": {**SHARES, "near_duplicates": False}}
    apart = written(model, tmp_path, rows, train=train, data=loose)
    assert any(apart[i][0] != apart[i + 40][0] for i in range(40))


def test_named_splits_lose_near_copies_from_the_earlier_one(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    rows = [{"text": text(i), "answer": f"number {i}"} for i in range(30)]
    near = [{"text": f"{text(i)} also", "answer": "number"} for i in (3, 4)]
    write_rows(folder / "train.jsonl", [*rows[:20], near[0]])
    write_rows(folder / "valid.jsonl", rows[20:25])
    write_rows(folder / "test.jsonl", [*rows[25:], rows[3], near[1]])
    names = {"train": "train", "valid": "valid", "test": "test"}
    recipe = make_recipe(
        model, folder, data={"splits": names}, train={"max_seq_length": 2000}, allow=LOOSE
    )
    preparation = prepared(recipe, tmp_path)
    assert preparation.rows == {"train": 18, "valid": 5, "test": 7}
    kept = {r["mlxr"]["row"] for r in records(preparation)["train"]}
    assert kept == set(range(1, 21)) - {4, 5}
    [overlap] = [f for f in preparation.findings if f.code == "split-overlap"]
    assert overlap.counts == {"train": 3}
    assert "left out of train, as a later split has it (3)" in overlap.message


def labelled(count: int) -> list[dict[str, Any]]:
    return [{**row, "label": i % 4 != 0} for i, row in enumerate(clean_rows(count))]


@pytest.mark.parametrize(
    ("undesirable", "places"),
    [("train", {"train", "valid", "test"}), ("test", {"test"}), ("drop", set())],
)
def test_where_undesirable_answers_may_go(
    model: Path, tmp_path: Path, undesirable: str, places: set[str]
) -> None:
    data = {"label": "label", "undesirable": undesirable, "splits": SHARES}
    found = written(model, tmp_path, labelled(80), data=data)
    bad = {split for i, (split, _) in found.items() if i % 4 == 0}
    assert bad == places
    assert sum(i % 4 != 0 for i in found) == 60
    assert all(r["mlxr"]["desirable"] == (i % 4 != 0) for i, (_, r) in found.items())


def test_a_label_that_says_neither_is_a_bad_row(model: Path, tmp_path: Path) -> None:
    rows = [{**row, "label": "maybe"} for row in clean_rows()]
    with pytest.raises(MlxrError, match="'label' is 'maybe', neither desirable nor undesirable"):
        written(model, tmp_path, rows, data={"label": "label"})


@pytest.mark.parametrize("empty", ["", None, float("nan")])
def test_rows_without_a_group_are_not_one_group(model: Path, tmp_path: Path, empty: object) -> None:
    rows = [{**row, "talk": "t" if i < 2 else empty} for i, row in enumerate(clean_rows(80))]
    plain = written(model, tmp_path / "plain", clean_rows(80), data={"splits": SHARES})
    grouped = {"splits": {**SHARES, "group": "talk"}}
    found = written(model, tmp_path / "grouped", rows, data=grouped)
    assert [found[i][0] for i in range(2, 80)] == [plain[i][0] for i in range(2, 80)]
