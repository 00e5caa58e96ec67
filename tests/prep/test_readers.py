from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlxr.errors import MlxrError
from mlxr.prep.readers import Numbered, csv_rows, json_rows, jsonl_rows


def test_json_lines_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    assert list(jsonl_rows(path)) == [(1, {"a": 1}), (2, {"a": 2})]


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": 2}]', '\n {"a": 1}\n{"a": 2}'])
def test_json_is_a_list_or_lines(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text.lstrip("\n "))
    assert list(json_rows(path)) == [(1, {"a": 1}), (2, {"a": 2})]


def test_csv_values_are_text_and_lines_are_counted_through_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\ufeffa,b\n007,"x\ny"\n\n2,\n', encoding="utf-8")
    assert list(csv_rows(path)) == [(2, {"a": "007", "b": "x\ny"}), (5, {"a": "2", "b": ""})]


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        (jsonl_rows, b'{"a": 1}\n{"a": \n', ":2 is not JSON"),
        (jsonl_rows, b'{"a": 1}\n[1]\n', ":2 is not a JSON object"),
        (jsonl_rows, b'{"a": "\xff"}\n', ":1 is not JSON: 'utf-8' codec"),
        (json_rows, b'[{"a": 1},', " is not JSON"),
        (json_rows, b"3", " holds no list of rows"),
        (json_rows, b'[{"a": 1}, 2]', ": row 2 is not a JSON object"),
        (csv_rows, b"a,b\n1\n", ":2 has 1 values for 2 columns"),
        (csv_rows, b'a,b\n1,"2\n', ":2 is not CSV"),
        (csv_rows, b"a,b\n\xff,2\n", " is not UTF-8 after line"),
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
