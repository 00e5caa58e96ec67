from __future__ import annotations

import importlib
import json
import os
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from mlxr.errors import MlxrError
from mlxr.prep.sources.source import Source, open_sources
from mlxr.recipe import Data
from prep.samples import write_rows

ROWS = [{"a": 1, "b": {"c": None}}, {"a": 2, "b": {"c": "x"}}]
NAMED = {"train": "train", "valid": "validation", "test": "test"}


def data(source: Path | str, **more: Any) -> Data:
    return Data.model_validate({"source": str(source), "messages": "m", **more})


def open_source(data: Data) -> Source:
    [source] = open_sources(data)
    return source


def places(source: Source) -> list[tuple[str, str | None, int]]:
    return [(row.place, row.split, row.values["a"]) for row in source.rows()]


def untyped(name: str) -> Any:
    """Return a module that has no type information, whatever mypy knows of it."""
    return importlib.import_module(name)


def write(path: Path) -> Path:
    """Write ROWS in the form that the file's suffix says."""
    pyarrow, parquet = untyped("pyarrow"), untyped("pyarrow.parquet")

    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.Table.from_pylist(ROWS)
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    elif path.suffix == ".arrow":
        with pyarrow.ipc.new_stream(path, table.schema) as stream:
            stream.write_table(table)
    elif path.suffix == ".json":
        path.write_text(json.dumps(ROWS))
    else:
        write_rows(path, ROWS)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet", ".arrow"])
def test_every_kind_of_file_gives_its_rows(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = list(open_source(data(write(tmp_path / f"rows{suffix}"))).rows())
    assert [row.values for row in rows] == ROWS
    assert [row.place for row in rows] == [f"rows{suffix}:1", f"rows{suffix}:2"]
    assert capfd.readouterr() == ("", "")


def test_csv_gives_its_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,x\n")
    [row] = open_source(data(tmp_path / "rows.csv")).rows()
    assert (row.place, row.values) == ("rows.csv:2", {"a": "1", "b": "x"})


@pytest.mark.parametrize("name", ["train.jsonl", "train.csv", "train.json", "train.parquet"])
def test_an_empty_file_is_named(tmp_path: Path, name: str) -> None:
    pyarrow, parquet = untyped("pyarrow"), untyped("pyarrow.parquet")

    path = tmp_path / name
    path.write_text({".csv": "a,b\n", ".json": "[]"}.get(path.suffix, ""))
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.table({"a": []}), path)
    with pytest.raises(MlxrError, match=rf"{name} has no rows\."):
        list(open_source(data(path)).rows())


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_broken_binary_file_is_named_and_nothing_is_printed(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"rows.{kind}"
    path.write_bytes(b"nonsense")
    with pytest.raises(MlxrError, match=rf"rows\.{kind} is not readable as {kind}: "):
        list(open_source(data(path)).rows())
    assert capfd.readouterr() == ("", "")


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.xlsx").touch()
    with pytest.raises(MlxrError, match="is of no known kind") as raised:
        open_source(data(tmp_path / "rows.xlsx"))
    assert raised.value.hint == "Known: .jsonl, .json, .csv, .parquet, .arrow."


def test_a_file_has_no_splits_to_name(tmp_path: Path) -> None:
    with pytest.raises(MlxrError, match="is a single file"):
        open_source(data(write(tmp_path / "rows.jsonl"), splits=NAMED))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    write(folder / "train-00000-of-00002.parquet")
    write(folder / "train-00001-of-00002.parquet")
    write(folder / "validation.jsonl")
    write(folder / "test" / "data-0.arrow")
    write(folder / "training_notes.jsonl")
    (folder / "dataset_info.json").write_text("{}")
    (folder / "README.md").write_text("")
    write(folder / ".hidden" / "train.jsonl")
    return folder


def test_a_folder_gives_the_splits_that_are_named(folder: Path) -> None:
    assert places(open_source(data(folder, splits=NAMED))) == [
        ("set/train-00000-of-00002.parquet:1", "train", 1),
        ("set/train-00000-of-00002.parquet:2", "train", 2),
        ("set/train-00001-of-00002.parquet:1", "train", 1),
        ("set/train-00001-of-00002.parquet:2", "train", 2),
        ("set/validation.jsonl:1", "valid", 1),
        ("set/validation.jsonl:2", "valid", 2),
        ("set/test/data-0.arrow:1", "test", 1),
        ("set/test/data-0.arrow:2", "test", 2),
    ]


def test_a_folder_to_be_divided_gives_its_training_files(folder: Path) -> None:
    rows = places(open_source(data(folder)))
    assert {(name.split(":")[0], split) for name, split, _ in rows} == {
        ("set/train-00000-of-00002.parquet", None),
        ("set/train-00001-of-00002.parquet", None),
    }
    assert [p for p, *_ in places(open_source(data(folder, split="test")))] == [
        "set/test/data-0.arrow:1",
        "set/test/data-0.arrow:2",
    ]


def test_a_folder_without_splits_gives_all_its_files(tmp_path: Path) -> None:
    write(tmp_path / "b.jsonl")
    write(tmp_path / "a.jsonl")
    names = [part.name.split("/")[1] for part in open_source(data(tmp_path)).parts]
    assert names == ["a.jsonl", "b.jsonl"]
    with pytest.raises(MlxrError, match='is named "train"') as raised:
        open_source(data(tmp_path, split="train"))
    assert raised.value.hint == "Files there: a.jsonl, b.jsonl."


def test_an_empty_folder_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(MlxrError, match="has no rows in it"):
        open_source(data(tmp_path))


def test_the_fingerprint_follows_the_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl")
    before = open_source(data(path)).fingerprint
    assert open_source(data(path)).fingerprint == before
    path.write_text('{"a": 1}\n')
    assert open_source(data(path)).fingerprint != before


def test_rows_are_counted_where_that_is_quick(tmp_path: Path) -> None:
    assert open_source(data(write(tmp_path / "a.jsonl"))).count() == 2
    assert open_source(data(write(tmp_path / "a.parquet"))).count() is None


def saved(path: Path, numbers: list[int]) -> Any:
    """Return a real Dataset of rows that hold conversations."""
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    rows = [{"a": n, "messages": turns} for n in numbers]
    return untyped("datasets").Dataset.from_list(rows)


@pytest.fixture(autouse=True)
def _no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")


def test_what_save_to_disk_wrote_is_read_in_order(tmp_path: Path) -> None:
    saved(tmp_path, list(range(5))).save_to_disk(tmp_path / "kept", num_shards=2)
    rows = list(open_source(data(tmp_path / "kept")).rows())
    assert [row.values["a"] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[3].place == "kept/data-00001-of-00002.arrow:1"
    assert rows[0].values["messages"][0] == {"role": "user", "content": "Hi"}


def test_what_a_later_map_left_in_the_folder_is_no_row(tmp_path: Path) -> None:
    datasets = untyped("datasets")
    saved(tmp_path, [0, 1]).save_to_disk(tmp_path / "kept")
    datasets.load_from_disk(tmp_path / "kept").map(lambda row: {"a": row["a"] + 1})
    assert list((tmp_path / "kept").glob("cache-*.arrow"))
    assert [a for *_, a in places(open_source(data(tmp_path / "kept")))] == [0, 1]


def test_a_saved_dict_gives_its_splits_by_name_or_one_to_be_divided(tmp_path: Path) -> None:
    splits = {"train": [0, 1], "validation": [2], "test": [3]}
    kept = untyped("datasets").DatasetDict({k: saved(tmp_path, v) for k, v in splits.items()})
    kept.save_to_disk(tmp_path / "kept")
    named = places(open_source(data(tmp_path / "kept", splits=NAMED)))
    assert [(split, a) for _, split, a in named] == [
        ("train", 0),
        ("train", 1),
        ("valid", 2),
        ("test", 3),
    ]
    assert [a for *_, a in places(open_source(data(tmp_path / "kept")))] == [0, 1]
    assert [a for *_, a in places(open_source(data(tmp_path / "kept", split="test")))] == [3]


def test_a_list_mixes_kinds_and_says_where_each_row_stands(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("a\n7\n")
    paths = [write(tmp_path / "a.jsonl"), write(tmp_path / "b" / "x.parquet"), tmp_path / "c.csv"]
    sources = open_sources(Data.model_validate({"source": list(map(str, paths)), "messages": "m"}))
    assert [row.place for source in sources for row in source.rows()] == [
        "a.jsonl:1",
        "a.jsonl:2",
        "x.parquet:1",
        "x.parquet:2",
        "c.csv:2",
    ]
    assert [source.count() for source in sources] == [2, None, None]


def test_each_source_of_a_list_has_its_own_split(tmp_path: Path, folder: Path) -> None:
    lists = [{"source": str(folder), "split": "test"}, {"source": str(folder)}]
    first, second = open_sources(Data.model_validate({"source": lists, "split": "validation"}))
    assert [part.name for part in first.parts] == ["set/test/data-0.arrow"]
    assert [part.name for part in second.parts] == ["set/validation.jsonl"]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.jsonl")
    with pytest.raises(MlxrError, match=r"rows\.jsonl is not a regular file"):
        open_source(data(tmp_path / "rows.jsonl"))
    with pytest.raises(MlxrError, match="has no rows in it"):
        open_source(data(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl")
    path.chmod(0)
    with pytest.raises(MlxrError, match=r"rows\.jsonl cannot be read: Permission denied"):
        open_source(data(path))


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.zip", "rows"])
def test_a_packed_file_is_refused_with_the_kinds_that_are_known(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x1f\x8b")
    with pytest.raises(MlxrError, match="is of no known kind") as raised:
        open_source(data(tmp_path / name))
    assert raised.value.hint.startswith("Known: .jsonl")


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet", ".arrow"])
@pytest.mark.parametrize("name", ["rows[1]", "a?", "a b%20", "{a,b}", "c::d", "é"])
def test_a_name_is_no_pattern(tmp_path: Path, name: str, suffix: str) -> None:
    write(tmp_path / f"ab{suffix}")
    assert len(places(open_source(data(write(tmp_path / f"{name}{suffix}"))))) == 2


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet", ".arrow"])
def test_one_row_is_enough_and_reading_may_stop_early(tmp_path: Path, suffix: str) -> None:
    source = open_source(data(write(tmp_path / f"rows{suffix}")))
    assert [row.number for row in islice(source.rows(), 1)] == [1]
