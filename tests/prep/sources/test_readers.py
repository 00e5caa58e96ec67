from __future__ import annotations

import importlib
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxr.errors import MlxrError
from mlxr.prep.sources import readers
from mlxr.prep.sources.readers import READERS, Numbered, csv_rows, json_rows


def test_json_lines_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    assert list(json_rows(path)) == [(1, {"a": 1}), (2, {"a": 2})]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize(
    "text",
    ['[{"a": 1}, {"a": 2}]', ' [\n{"a":1}\n,{"a": 2}\r\n] \n', '{"a": 1}\n{"a": 2}'],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_json_is_a_list_or_lines_whatever_its_name(
    tmp_path: Path, name: str, text: str, mark: str
) -> None:
    path = tmp_path / name
    path.write_text(mark + text, encoding="utf-8")
    assert list(READERS[path.suffix](path)) == [(1, {"a": 1}), (2, {"a": 2})]


def test_csv_values_are_text_and_lines_are_counted_through_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\ufeffa,b\n007,"x\ny"\n\n2,\n', encoding="utf-8")
    assert list(csv_rows(path)) == [(2, {"a": "007", "b": "x\ny"}), (5, {"a": "2", "b": ""})]


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        (json_rows, b'{"a": 1}\n{"a": \n', ":2 is not JSON"),
        (json_rows, b'{"a": 1}\n[1]\n', ":2 is not a JSON object"),
        (json_rows, b'{"a": "\xff"}\n', ":1 is not JSON: 'utf-8' codec"),
        (json_rows, '{"a": 1}\n'.encode("utf-16"), ":1 is not JSON"),
        (json_rows, b'{"a": %s}' % (b"9" * 5000), ":1 is not JSON: Exceeds the limit"),
        (json_rows, b'{"a": %s1}' % (b"[" * 10**5), ":1 is not JSON: maximum recursion depth"),
        (json_rows, b"3", ":1 is not a JSON object"),
        (json_rows, b'{\n"data": [\n{"a": 1}]}', ":1 is not JSON"),
        (json_rows, b'[{"a": 1},', ": row 2 is not JSON: Expecting value"),
        (json_rows, b'[{"a": 1},]', ": row 2 is not JSON: "),
        (json_rows, b'[{"a": 1} {"a": 2}]', ": row 2 is not JSON: Expecting ',' or ']'"),
        (json_rows, b'[{"a": 1}] [', ": row 2 is not JSON: more follows the list"),
        (json_rows, b'[{"a": 1}, 2]', ": row 2 is not a JSON object"),
        (json_rows, b'[{"a": "\xff"}]', ": row 1 is not JSON: 'utf-8' codec"),
        (json_rows, b'[{"a": %s}]' % (b"9" * 5000), ": row 1 is not JSON: Exceeds the limit"),
        (json_rows, b'[{"a": %s1}]' % (b"[" * 10**5), ": row 1 is nested too deeply"),
        (csv_rows, b"a,b\n1\n", ":2 has 1 values for 2 columns"),
        (csv_rows, b'a,b\n1,"2\n', ":2 is not CSV"),
        (csv_rows, b"a,b\n\xff,2\n", " is not UTF-8 after line"),
        (csv_rows, b"a,b,a\n1,2,3\n", " has more than one column 'a'"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, reader: Callable[[Path], Iterator[Numbered]], content: bytes, message: str
) -> None:
    path = tmp_path / "rows"
    path.write_bytes(content)
    with pytest.raises(MlxrError) as raised:
        list(reader(path))
    assert raised.value.message.startswith(f"{path}{message}")


def test_what_json_allows_and_few_expect_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('\n  \n{"a": NaN, "b": %s}\n\n{"a": "\\ud83d"}\r\n' % (10**100))
    [(line, first), second] = json_rows(path)
    assert (line, first["b"], math.isnan(first["a"])) == (3, 10**100, True)
    assert second == (5, {"a": "\ud83d"})


@given(
    rows=st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.none()))),
    chunk=st.integers(1, 9),
    indent=st.none() | st.integers(0, 2),
)
def test_a_list_read_piece_by_piece_is_the_list(
    rows: list[dict[str, Any]], chunk: int, indent: int | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "CHUNK", chunk)
        assert list(readers.items(StringIO(json.dumps(rows, indent=indent)))) == rows


@given(st.text('[]{},:"1a \n\\', max_size=12), st.integers(1, 3))
def test_a_list_is_read_exactly_where_json_has_one(text: str, chunk: int) -> None:
    try:
        value = json.loads(f"[{text}")
    except ValueError:
        value = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "CHUNK", chunk)
        if isinstance(value, list) and not any(isinstance(each, int) for each in value):
            assert list(readers.items(StringIO(f"[{text}"))) == value
        elif value is None:
            with pytest.raises(ValueError, match=r"\w"):
                list(readers.items(StringIO(f"[{text}")))


def test_a_list_is_not_read_further_than_asked() -> None:
    stream = StringIO("[" + ",\n".join(['{"a": 1}'] * 200_000) + "]")
    assert next(readers.items(stream)) == {"a": 1}
    assert stream.tell() == readers.CHUNK


def pyarrow(part: str = "") -> Any:
    return importlib.import_module(f"pyarrow{part}")


def test_both_formats_of_arrow_are_read(tmp_path: Path) -> None:
    table = pyarrow().table({"a": [1, 2]})
    for name, new in (("s", pyarrow().ipc.new_stream), ("f", pyarrow().ipc.new_file)):
        with new(tmp_path / name, table.schema) as written:
            written.write_table(table)
        assert list(READERS[".arrow"](tmp_path / name)) == [(1, {"a": 1}), (2, {"a": 2})]


def test_objects_that_datasets_keeps_as_text_are_objects_again(tmp_path: Path) -> None:
    datasets = importlib.import_module("datasets")
    if not hasattr(datasets, "Json"):
        pytest.skip("datasets before 4.7 has no such column")
    features = datasets.Features({"calls": datasets.List(datasets.Json())})
    rows = [{"calls": [{"x": 1}, {"y": ["z"]}]}, {"calls": []}]
    table = datasets.Dataset.from_list(rows, features=features)
    table.save_to_disk(tmp_path / "kept")
    table.to_parquet(tmp_path / "a.parquet")
    [kept] = (tmp_path / "kept").glob("*.arrow")
    assert [row for _, row in READERS[".arrow"](kept)] == rows
    assert [row for _, row in READERS[".parquet"](tmp_path / "a.parquet")] == rows


def test_columns_of_one_name_are_refused_in_parquet_too(tmp_path: Path) -> None:
    table = pyarrow().table([[1], [2]], names=["a", "a"])
    pyarrow(".parquet").write_table(table, tmp_path / "a.parquet")
    with pytest.raises(MlxrError, match="has more than one column 'a'"):
        list(READERS[".parquet"](tmp_path / "a.parquet"))


def test_a_process_that_stops_reading_early_ends_well(tmp_path: Path) -> None:
    table = pyarrow().table({"a": list(range(20_000))})
    pyarrow(".parquet").write_table(table, tmp_path / "a.parquet", row_group_size=1000)
    code = (
        "import sys; from pathlib import Path; from mlxr.prep.sources.readers import READERS;"
        "print(next(READERS['.parquet'](Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.parquet")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "(1, {'a': 0})\n", "")
