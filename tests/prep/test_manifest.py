from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlxr.errors import MlxrError
from mlxr.files import file_sha256
from mlxr.prep.manifest import inputs, refuse_edits, unchanged
from mlxr.prep.sources.source import open_sources
from mlxr.workspace import Prepared
from prep.samples import clean_rows, make_recipe, write_rows


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    folder = Prepared(tmp_path / "data" / "demo")
    folder.folder.mkdir(parents=True)
    folder.split("train").write_text("{}\n")
    folder.audit.write_text("{}")
    splits = {"train": {"sha256": file_sha256(folder.split("train"))}}
    folder.manifest.write_text(json.dumps({"fingerprint": "x", "splits": splits}))
    return folder


def test_what_prep_wrote_may_be_written_anew(prepared: Prepared) -> None:
    refuse_edits(prepared)
    prepared.split("train").unlink()
    refuse_edits(prepared)


def test_an_edited_split_is_not_overwritten(prepared: Prepared) -> None:
    prepared.split("train").write_text('{"a": 1}\n')
    with pytest.raises(MlxrError) as raised:
        refuse_edits(prepared)
    assert raised.value.message == (
        f"{prepared.split('train')} was changed after `mlxr prep` wrote it, "
        "and would be overwritten."
    )
    assert raised.value.hint == (
        "Move train.jsonl elsewhere to keep your version, or delete it, then prepare again."
    )


def test_a_split_of_the_users_own_is_not_overwritten(prepared: Prepared) -> None:
    prepared.manifest.unlink()
    with pytest.raises(MlxrError, match="was not written by `mlxr prep`"):
        refuse_edits(prepared)


@pytest.mark.parametrize("text", ["[]", "{}", '{"splits": []}', "{"])
def test_a_broken_manifest_is_no_traceback(prepared: Prepared, text: str) -> None:
    prepared.manifest.write_text(text)
    with pytest.raises(MlxrError, match=r"manifest\.json is not"):
        refuse_edits(prepared)


def made_from(root: Path, model: Path, **tables: Any) -> dict[str, Any]:
    recipe = make_recipe(model, write_rows(root / "rows.jsonl", clean_rows(9)), **tables)
    return inputs(recipe, open_sources(recipe.data), "tokenizer")


CHANGES: list[dict[str, Any]] = [
    {"seed": 7},
    {"allow": ["no-target"]},
    {"data": {"limit": 5}},
    {"data": {"where": "true"}},
    {"data": {"splits": {"train": 4, "valid": 4, "test": 1}}},
    {"train": {"max_seq_length": 100}},
    {"train": {"mask_prompt": False}},
    {"train": {"too_long": "error"}},
    {"train": {"batch_size": 2}},
    {"compare": {"category": "text"}},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_whatever_the_data_follow_from_is_an_input(
    tmp_path: Path, model: Path, change: dict[str, Any]
) -> None:
    assert made_from(tmp_path, model, **change) != made_from(tmp_path, model)


@pytest.mark.parametrize("change", [{"train": {"iters": 5}}, {"compare": {"limit": 3}}], ids=str)
def test_what_they_do_not_follow_from_is_none(
    tmp_path: Path, model: Path, change: dict[str, Any]
) -> None:
    assert made_from(tmp_path, model, **change) == made_from(tmp_path, model)


def test_where_the_files_lie_makes_no_difference(tmp_path: Path, model: Path) -> None:
    (tmp_path / "moved").mkdir()
    assert made_from(tmp_path, model) == made_from(tmp_path / "moved", model)


def test_data_stand_only_when_all_of_them_do(prepared: Prepared) -> None:
    assert unchanged(prepared, {"a": 1}) is None
    from mlxr.files import sha256

    manifest = {**json.loads(prepared.manifest.read_text()), "fingerprint": sha256({"a": 1})}
    prepared.manifest.write_text(json.dumps(manifest))
    prepared.audit.write_text('{"findings": []}')
    assert unchanged(prepared, {"a": 1}) == manifest
    prepared.audit.write_text("{}")
    assert unchanged(prepared, {"a": 1}) is None
    prepared.audit.write_text('{"findings": []}')
    prepared.split("train").unlink()
    assert unchanged(prepared, {"a": 1}) is None
