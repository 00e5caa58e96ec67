from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from mlxr.errors import MlxrError
from mlxr.prep.sources import Source, hub_error, open_source
from mlxr.recipe import Data
from prep.samples import write_rows

ROWS = [{"a": 1, "b": {"c": None}}, {"a": 2, "b": {"c": "x"}}]
NAMED = {"train": "train", "valid": "validation", "test": "test"}


def data(source: Path | str, **more: Any) -> Data:
    return Data.model_validate({"source": str(source), "messages": "m", **more})


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


class Hub:
    """What datasets.load_dataset gives for a data set of three splits."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, *names: str | None, split: list[str], revision: str | None) -> list[Any]:
        import datasets

        self.asked = [*names, split, revision]
        return [datasets.Dataset.from_list(ROWS) for _ in split]


def test_the_hub_gives_the_recipes_split(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    monkeypatch.setattr("datasets.load_dataset", hub)
    source = open_source(data("owner/set", config="en", revision="v1", split="train[:10%]"))
    assert places(source) == [
        ("owner/set/train[:10%]:1", None, 1),
        ("owner/set/train[:10%]:2", None, 2),
    ]
    assert hub.asked == ["owner/set", "en", ["train[:10%]"], "v1"]
    assert source.count() == 2
    assert len(source.fingerprint[0][2] or "") > 8


def test_the_hub_gives_the_splits_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    monkeypatch.setattr("datasets.load_dataset", hub)
    source = open_source(data("owner/set", splits=NAMED))
    assert [(part.name, part.split) for part in source.parts] == [
        ("owner/set/train", "train"),
        ("owner/set/validation", "valid"),
        ("owner/set/test", "test"),
    ]
    assert hub.asked[2] == ["train", "validation", "test"]


def test_offline_and_not_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MlxrError) as raised:
        open_source(data("nobody/no-such-set"))
    assert raised.value.message == (
        "The data set nobody/no-such-set is not in the cache, and the Hub cannot be reached."
    )
    assert raised.value.hint.startswith("Go online once")


def gated() -> Exception:
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub.errors import GatedRepoError

    error: Exception = DatasetNotFoundError("Dataset 'a/b' is restricted.")
    error.__cause__ = GatedRepoError.__new__(GatedRepoError)
    return error


def missing(said: str) -> Exception:
    from datasets.exceptions import DatasetNotFoundError

    error: Exception = DatasetNotFoundError(said)
    return error


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (gated, "The data set a/b is gated: its owner", "https://huggingface.co/datasets/a/b"),
        (
            lambda: missing("Dataset 'a/b' doesn't exist on the Hub or cannot be accessed."),
            "The Hub has no data set a/b, or it is private.",
            "data.source",
        ),
        (
            lambda: missing("Revision 'v9' doesn't exist for dataset 'a/b' on the Hub."),
            "Revision 'v9' doesn't exist for dataset 'a/b' on the Hub.",
            "data.revision",
        ),
        (
            lambda: ValueError("Unknown split \"dev\". Should be one of ['train', 'test']."),
            "a/b: Unknown split \"dev\". Should be one of ['train', 'test'].",
            "data.split",
        ),
        (
            lambda: ValueError("BuilderConfig 'x' not found. Available: ['en', 'de']"),
            "a/b: BuilderConfig 'x' not found. Available: ['en', 'de'].",
            "data.config",
        ),
        (
            lambda: RuntimeError("Dataset scripts are no longer supported, but found b.py"),
            "The data set a/b cannot be loaded: Dataset scripts are no longer supported",
            "data.source",
        ),
    ],
)
def test_what_the_hub_says_is_explained(error: Any, message: str, hint: str) -> None:
    explained = hub_error(data("a/b"), error())
    assert explained.message.startswith(message)
    assert hint in explained.hint
