"""Data sets on the Hub: real `datasets` against a Hub on loopback, and what can go wrong."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from loopback import serving
from mlxr.errors import MlxrError
from mlxr.prep.audit.tally import Tally
from mlxr.prep.sources.hub import explained
from mlxr.prep.sources.select import select
from mlxr.prep.sources.source import Source, open_sources
from mlxr.recipe import Data
from prep.samples import make_recipe
from prep.sources import fake_hub
from prep.sources.fake_hub import commit

ROWS = [{"a": 1, "b": {"c": None}}, {"a": 2, "b": {"c": "x"}}]
NAMED = {"train": "train", "valid": "validation", "test": "test"}


def data(source: str, **more: Any) -> Data:
    return Data.model_validate({"source": source, "messages": "m", **more})


def open_source(data: Data) -> Source:
    [source] = open_sources(data)
    return source


def places(source: Source) -> list[tuple[str, str | None, int]]:
    return [(row.place, row.split, row.values["a"]) for row in source.rows()]


class Hub:
    """What datasets.load_dataset gives for a data set of three splits."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(
        self, *names: str | None, split: list[str], revision: str | None, streaming: bool
    ) -> list[Any]:
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
    said = explained(data("a/b").portions[0], error())
    assert said.message.startswith(message)
    assert hint in said.hint


class Stream:
    """What datasets.load_dataset gives when streaming, and how many rows were read of it."""

    def __init__(self, rows: int) -> None:
        self.rows, self.read = rows, 0

    def __call__(self, *_: object, split: str, **__: object) -> Any:
        assert isinstance(split, str)
        return importlib.import_module("datasets").IterableDataset.from_generator(self._rows)

    def _rows(self) -> Iterator[dict[str, int]]:
        for n in range(self.rows):
            self.read += 1
            yield {"n": n}


def test_streaming_reads_no_more_rows_than_the_limit_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream(1000)
    monkeypatch.setattr("datasets.load_dataset", stream)
    monkeypatch.setattr("mlxr.prep.sources.hub._revision", lambda *_: "c0ffee")
    asked = {"messages": "m", "streaming": True, "limit": 3, "where": "n % 2 == 1"}
    recipe = make_recipe(tmp_path, "owner/set", data=asked)
    [source] = open_sources(recipe.data)
    assert [row.values["n"] for row in select([source], recipe, Tally())] == [1, 3, 5]
    assert stream.read == 6
    assert source.fingerprint == [["owner/set/train", None, "c0ffee"]]


def lines(*numbers: int) -> bytes:
    return "".join(json.dumps({"a": n}) + "\n" for n in numbers).encode()


def parquet(numbers: range) -> bytes:
    stream, arrow = BytesIO(), importlib.import_module("pyarrow")
    table = arrow.table({"a": list(numbers)})
    importlib.import_module("pyarrow.parquet").write_table(table, stream, row_group_size=100)
    return stream.getvalue()


CARD = b"""---
configs:
- config_name: en
  data_files: [{split: train, path: en/train.jsonl}, {split: test, path: en/test.jsonl}]
- config_name: de
  data_files: [{split: train, path: de/train.jsonl}]
---
"""
TEST = {"README.md": CARD, "en/test.jsonl": lines(3), "de/train.jsonl": lines(4)}
SETS = {
    "owner/rows": {
        "v1": {**TEST, "en/train.jsonl": lines(9)},
        "main": {**TEST, "en/train.jsonl": lines(1, 2)},
    },
    "owner/parts": {"main": {"data/train-00000-of-00001.parquet": parquet(range(2000))}},
}
CHILD = """
import json, sys
from itertools import islice
from mlxr.errors import MlxrError
from mlxr.prep.sources.source import open_sources
from mlxr.recipe import Data
for case in json.loads(sys.argv[1]):
    try:
        [source] = open_sources(Data.model_validate(case))
        rows = [[row.place, row.values["a"]] for row in islice(source.rows(), 3)]
        print(json.dumps([rows, source.fingerprint[0][2]]))
    except MlxrError as error:
        print(json.dumps([error.message, error.hint]))
"""
EN = {"source": "owner/rows", "config": "en"}
CASES: dict[str, dict[str, Any]] = {
    "config": {"source": "owner/rows", "config": "de"},
    "revision": {**EN, "revision": "v1"},
    "commit": {**EN, "revision": commit("v1")},
    "split": {**EN, "split": "test"},
    "main": EN,
    "parquet": {"source": "owner/parts"},
    "no config": {"source": "owner/rows"},
    "other config": {"source": "owner/rows", "config": "fr"},
    "other split": {**EN, "split": "dev"},
    "other revision": {**EN, "revision": "v7"},
    "gated": {"source": "owner/gated"},
    "unauthorised": {"source": "owner/login"},
    "none": {"source": "owner/gated-no-more"},
}
CASES |= {f"{name}, streaming": {**case, "streaming": True} for name, case in CASES.items()}
Answers = dict[str, list[Any]]


def answers(home: Path, url: str, **more: str) -> Answers:
    """Return what a child of its own cache is told in each case, and nothing besides."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    environment |= {"HF_HOME": str(home), "HF_ENDPOINT": url, **more}
    command = [sys.executable, "-c", CHILD, json.dumps(list(CASES.values()))]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return dict(zip(CASES, map(json.loads, ended.stdout.splitlines()), strict=True))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Answers, Answers]:
    """Return what was told with the Hub there, and after it with its cache only."""
    home = tmp_path_factory.mktemp("home")
    with serving(fake_hub.Hub(SETS)) as hub:
        online = answers(home, hub.url)
        before = len(hub.asked)
        offline = answers(home, hub.url, HF_HUB_OFFLINE="1")
        assert len(hub.asked) == before > 20
    return online, offline


@pytest.mark.parametrize("how", ["", ", streaming"])
@pytest.mark.parametrize(
    ("case", "rows"),
    [
        ("main", [["owner/rows/train:1", 1], ["owner/rows/train:2", 2]]),
        ("config", [["owner/rows/train:1", 4]]),
        ("revision", [["owner/rows/train:1", 9]]),
        ("commit", [["owner/rows/train:1", 9]]),
        ("split", [["owner/rows/test:1", 3]]),
        ("parquet", [[f"owner/parts/train:{n + 1}", n] for n in range(3)]),
    ],
)
def test_config_split_and_revision_reach_the_hub(
    told: tuple[Answers, Answers], case: str, how: str, rows: list[Any]
) -> None:
    assert told[0][case + how][0] == rows


def test_a_fingerprint_tells_revisions_and_configs_apart(told: tuple[Answers, Answers]) -> None:
    online, _ = told
    for how in ("", ", streaming"):
        assert online["main" + how][1] != online["revision" + how][1]
        assert online["commit" + how][1] == online["revision" + how][1]
        assert online["main" + how][1] != online["config" + how][1]
    assert online["main, streaming"][1] == commit("main") + "/en"


@pytest.mark.parametrize("how", ["", ", streaming"])
@pytest.mark.parametrize(
    ("case", "message", "hint"),
    [
        ("no config", "owner/rows: Config name is missing. ", "data.config"),
        (
            "other config",
            "owner/rows: BuilderConfig 'fr' not found. Available: ['en', 'de'].",
            "data.config",
        ),
        ("other split", "owner/rows: ", "data.split"),
        (
            "other revision",
            "Revision 'v7' doesn't exist for dataset 'owner/rows' on the Hub.",
            "data.revision",
        ),
        ("gated", "The data set owner/gated is gated: ", "https://huggingface.co/datasets/owner"),
        ("unauthorised", "The data set owner/login is gated: ", "hf auth login"),
        ("none", "The Hub has no data set owner/gated-no-more, or it is private.", "data.source"),
    ],
)
def test_what_the_hub_refuses_is_explained(
    told: tuple[Answers, Answers], case: str, how: str, message: str, hint: str
) -> None:
    said, fix = told[0][case + how]
    assert said.startswith(message)
    assert hint in fix
    assert "\n" not in said


def test_a_prepared_cache_is_read_offline(told: tuple[Answers, Answers]) -> None:
    online, offline = told
    for case in ("main", "config", "parquet", "split"):
        assert offline[case] == online[case]
    assert "is not in the cache" in offline["none"][0]


def test_offline_no_other_revision_is_passed_off_as_the_recipes(
    told: tuple[Answers, Answers],
) -> None:
    _, offline = told
    for case in ("revision", "commit", "other revision"):
        asked = CASES[case]["revision"]
        assert offline[case][0] == (
            f"The cache has another revision of the data set owner/rows than {asked}."
        )
