from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlxr.errors import MlxrError
from mlxr.events import Event, Progress, Silent, Step
from mlxr.files import file_sha256
from mlxr.prep import stage
from mlxr.prep.audit.findings import AuditError
from mlxr.prep.tokens import load_tokenizer, prompt_sha256
from mlxr.recipe import Recipe
from mlxr.workspace import Workspace
from prep.samples import (
    clean_rows,
    make_recipe,
    names,
    prepared,
    records,
    tree,
    write_model,
    write_rows,
)


@pytest.fixture
def recipe(tmp_path: Path, model: Path) -> Recipe:
    return make_recipe(model, write_rows(tmp_path / "rows.jsonl", clean_rows()))


def with_rows(recipe: Recipe, rows: list[dict[str, Any]]) -> Recipe:
    write_rows(Path(str(recipe.data.source)), rows)
    return recipe


def test_a_record_is_what_mlx_lm_reads_and_what_later_stages_need(
    recipe: Recipe, tmp_path: Path
) -> None:
    with_category = recipe.model_copy(
        update={"compare": recipe.compare.model_copy(update={"category": "text"})}
    )
    preparation = prepared(with_category, tmp_path)
    tokenizer = load_tokenizer(recipe)
    [record] = [r for s in records(preparation).values() for r in s if r["mlxr"]["row"] == 4]
    tokens = tokenizer.encode(record["messages"])
    assert record == {
        "messages": [
            {"role": "system", "content": "Answer in French."},
            {"role": "user", "content": "What is question 3?"},
            {"role": "assistant", "content": "number 3"},
        ],
        "mlxr": {
            "id": record["mlxr"]["id"],
            "source": "rows.jsonl",
            "row": 4,
            "tokens": len(tokens.ids),
            "offset": tokens.offset,
            "prompt_sha256": prompt_sha256(tokens.prompt),
            "category": "What is question 3?",
        },
    }


def test_the_splits_are_disjoint_and_together_the_source(recipe: Recipe, tmp_path: Path) -> None:
    preparation = prepared(recipe, tmp_path)
    assert preparation.rows == {"train": 24, "valid": 8, "test": 8}
    assert [finding.code for finding in preparation.findings] == ["test-too-small"]
    rows = [r["mlxr"]["row"] for split in records(preparation).values() for r in split]
    assert sorted(rows) == list(range(1, 41))
    assert rows != sorted(rows)


def test_the_manifest_agrees_with_the_files(recipe: Recipe, tmp_path: Path) -> None:
    preparation = prepared(recipe, tmp_path)
    manifest = json.loads(preparation.prepared.manifest.read_text())
    written = records(preparation)
    for split, said in manifest["splits"].items():
        assert said["sha256"] == file_sha256(preparation.prepared.split(split))
        assert said["rows"] == len(written[split]) == preparation.rows[split]
        tokens = sum(record["mlxr"]["tokens"] for record in written[split])
        hidden = sum(record["mlxr"]["offset"] for record in written[split])
        assert said["tokens"] == tokens == preparation.tokens[split]
        assert said["target_tokens"] == tokens - hidden == preparation.target_tokens[split]
    assert json.loads(preparation.prepared.audit.read_text())["findings"] == [
        finding.to_json() for finding in preparation.findings
    ]
    assert list(manifest) == ["recipe", "fingerprint", "model", "splits", "inputs"]


def test_the_same_recipe_gives_the_same_bytes_anywhere(recipe: Recipe, tmp_path: Path) -> None:
    for place in ("a", "b"):
        prepared(recipe, tmp_path / place)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert sorted(tree(tmp_path / "a")) == [
        f"data/sample/{name}"
        for name in ("audit.json", "manifest.json", "test.jsonl", "train.jsonl", "valid.jsonl")
    ]


def test_the_order_of_the_source_makes_no_difference_to_records(
    recipe: Recipe, tmp_path: Path
) -> None:
    rows = clean_rows()
    once = records(prepared(recipe, tmp_path / "a"))
    random.Random(1).shuffle(rows)
    again = records(prepared(with_rows(recipe, rows), tmp_path / "b"))
    for split in once:
        assert [r["messages"] for r in once[split]] == [r["messages"] for r in again[split]]
        assert [r["mlxr"]["id"] for r in once[split]] == [r["mlxr"]["id"] for r in again[split]]


def test_nothing_is_done_when_nothing_changed(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepared(recipe, tmp_path)
    times = {path: path.stat().st_mtime_ns for path in first.prepared.folder.iterdir()}
    monkeypatch.setattr(stage, "load_tokenizer", None)  # not even that
    second = prepared(recipe, tmp_path)
    assert (first.unchanged, second.unchanged) == (False, True)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    same = ("prepared", "rows", "tokens", "target_tokens", "findings")
    assert [getattr(first, name) for name in same] == [getattr(second, name) for name in same]


def test_a_changed_source_template_model_or_setting_is_prepared_anew(
    recipe: Recipe, tmp_path: Path
) -> None:
    prepared(recipe, tmp_path)
    assert not prepared(with_rows(recipe, clean_rows(41)), tmp_path).unchanged
    template = recipe.template
    assert template
    template.write_text(template.read_text() + "\n")
    assert not prepared(recipe, tmp_path).unchanged
    model = write_model(tmp_path / "other", more=["<extra>"])
    moved = recipe.model_copy(update={"model": str(model)})
    assert not prepared(moved, tmp_path).unchanged
    assert not prepared(moved.model_copy(update={"seed": 1}), tmp_path).unchanged
    assert prepared(moved.model_copy(update={"seed": 1}), tmp_path).unchanged


def test_a_deleted_split_is_written_again_and_an_edited_one_is_not(
    recipe: Recipe, tmp_path: Path
) -> None:
    preparation = prepared(recipe, tmp_path)
    before = tree(tmp_path / "data")
    preparation.prepared.split("test").unlink()
    assert not prepared(recipe, tmp_path).unchanged
    assert tree(tmp_path / "data") == before
    with preparation.prepared.split("valid").open("a") as stream:
        stream.write("{}\n")
    with pytest.raises(MlxrError, match=r"valid\.jsonl was changed after `mlxr prep` wrote it"):
        prepared(recipe, tmp_path)


def test_a_stopped_preparation_keeps_the_former_data_and_its_own_findings(
    recipe: Recipe, tmp_path: Path
) -> None:
    prepared(recipe, tmp_path)
    before = tree(tmp_path / "data")
    with_rows(recipe, [*clean_rows(), {"text": "x"}, {"text": "", "answer": ""}, {"a": 1}])
    with pytest.raises(AuditError) as raised:
        prepared(recipe, tmp_path)
    assert [finding.code for finding in raised.value.findings] == ["template-failed", "bad-row"]
    after = tree(tmp_path / "data")
    failed = json.loads(after.pop("sample/audit-failed.json"))
    assert after == before
    assert [each["code"] for each in failed["findings"]][:2] == ["template-failed", "bad-row"]
    assert prepared(with_rows(recipe, clean_rows()), tmp_path).unchanged
    assert tree(tmp_path / "data") == before


def test_an_allowed_error_is_kept_and_does_not_stop(recipe: Recipe, tmp_path: Path) -> None:
    rows = [*clean_rows(), *[{"text": "Hi", "answer": ""}] * 4]
    allowing = with_rows(recipe, rows).model_copy(update={"allow": ["bad-row"]})
    preparation = prepared(allowing, tmp_path)
    assert [(f.code, f.level) for f in preparation.findings] == [
        ("bad-row", "error"),
        ("test-too-small", "warning"),
    ]
    assert sum(preparation.rows.values()) == 40


def test_an_allowed_empty_split_has_no_file(recipe: Recipe, tmp_path: Path) -> None:
    codes = {"allow": ["empty-split", "split-too-small"]}
    preparation = prepared(with_rows(recipe, clean_rows(8)).model_copy(update=codes), tmp_path)
    assert preparation.rows == {"train": 0, "valid": 0, "test": 8}
    assert list(records(preparation)) == ["test"]
    assert prepared(recipe.model_copy(update=codes), tmp_path).unchanged


def test_an_unknown_code_in_allow_stops_before_any_work(recipe: Recipe, tmp_path: Path) -> None:
    wrong = recipe.model_copy(update={"allow": ["bad-rows"], "model": "/nowhere"})
    with pytest.raises(MlxrError, match='allow: "bad-rows"') as raised:
        prepared(wrong, tmp_path)
    assert raised.value.hint == 'Did you mean "bad-row"?'


def test_a_category_that_no_row_has_is_told(recipe: Recipe, tmp_path: Path) -> None:
    compare = recipe.compare.model_copy(update={"category": "topik"})
    with pytest.raises(AuditError, match=r"no column 'topik', which compare\.category names"):
        prepared(recipe.model_copy(update={"compare": compare}), tmp_path)


def test_a_cut_prompt_is_what_is_trained_and_hashed(recipe: Recipe, tmp_path: Path) -> None:
    train = recipe.train.model_copy(update={"max_seq_length": 60, "too_long": "truncate"})
    rows = [{"text": "word " * 200 + "end", "answer": "kept"}, *clean_rows(39)]
    cutting = with_rows(recipe, rows).model_copy(update={"train": train})
    written = records(prepared(cutting, tmp_path))
    [record] = [r for split in written.values() for r in split if r["mlxr"]["row"] == 1]
    tokens = load_tokenizer(recipe).encode(record["messages"])
    assert record["messages"][1]["content"].endswith("word end")
    assert record["messages"][2]["content"] == "kept"
    assert record["mlxr"]["tokens"] == len(tokens.ids) <= 60
    assert record["mlxr"]["prompt_sha256"] == prompt_sha256(tokens.prompt)


def test_what_happens_is_told_in_sentences(recipe: Recipe, tmp_path: Path) -> None:
    shown: list[Event] = []

    class Recorder(Silent):
        def show(self, event: Event) -> None:
            shown.append(event)

    stage.prepare(recipe, Workspace(tmp_path), Recorder())
    assert shown == [
        Step("Looking for tiny and rows.jsonl."),
        Step("Loading the tokenizer."),
        Step("Reading rows.jsonl and counting tokens."),
        Progress("rows", 40, 40),
        Step("Dividing 40 records and looking for copies."),
        Step("Auditing 40 records."),
        Step("Writing the splits."),
    ]


KILLED = """
import os, signal, sys
sys.path[:0] = {path}
from pathlib import Path
from mlxr.events import Silent
from mlxr.prep import folder, manifest, records, stage
from mlxr.recipe import Recipe
from mlxr.workspace import Workspace

def die(*_, **__):
    os.kill(os.getpid(), signal.{signal})

def dying_after(function):
    def run(*arguments, **named):
        result = function(*arguments, **named)
        die()
        return result
    return run

{kill}
recipe = Recipe.model_validate_json(Path(sys.argv[1]).read_text())
stage.prepare(recipe, Workspace(Path(sys.argv[2])), Silent())
"""
MOMENTS = {
    "reading": "records.faults = die",
    "dividing": "stage.conclude = die",
    "before writing": "stage._write_splits = die",
    "a split written": "stage._write_split = dying_after(stage._write_split)",
    "splits written": "stage._write_splits = dying_after(stage._write_splits)",
    "before the manifest": "manifest.describe = die",
    "before the exchange": "folder.replace = die",
    "after the exchange": "folder.replace = dying_after(folder.replace)",
    "clearing up": "folder._is_own = die",
}


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        *((moment, "SIGKILL") for moment in MOMENTS),
        *((moment, "SIGINT") for moment in ("reading", "before the exchange", "clearing up")),
    ],
)
def test_an_interrupt_at_any_moment_leaves_whole_data(
    recipe: Recipe, tmp_path: Path, moment: str, name: str
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for root, rows in ((old, clean_rows()), (new, clean_rows(44))):
        prepared(with_rows(recipe, rows), root)
    work = tmp_path / "work"
    shutil.copytree(old, work)
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json())
    path = [str(Path(stage.__file__).parents[2]), *sys.path]
    code = KILLED.format(path=path, signal=name, kill=MOMENTS[moment])
    arguments = [str(tmp_path / "recipe.json"), str(work)]
    child = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True)
    assert child.returncode == -getattr(signal, name), child.stderr.decode()
    finished = moment in {"after the exchange", "clearing up"}
    assert tree(work / "data" / "sample") == tree((new if finished else old) / "data" / "sample")
    prepared(recipe, work)
    assert tree(work) == tree(new)
    assert names(work / "data") == ["sample"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
TURNS = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant", "bot"]), "content": VALUES}
    )
    | VALUES,
    max_size=4,
)
PAIR = st.tuples(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8)).map(
    lambda pair: [
        {"role": "user", "content": pair[0]},
        {"role": "assistant", "content": pair[1]},
    ]
)
ANY_ROWS = st.lists(
    st.fixed_dictionaries({"m": PAIR | TURNS | VALUES}) | st.dictionaries(st.text(), VALUES),
    min_size=1,
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ANY_ROWS)
def test_any_json_rows_give_a_clear_error_or_disjoint_splits(
    rows: list[dict[str, Any]], model: Path, tmp_path: Path
) -> None:
    allow = ["bad-row", "empty-split", "split-too-small"]
    source = write_rows(tmp_path / "rows.jsonl", rows)
    splits = {"train": 0.5, "valid": 0.25, "test": 0.25}
    data = {"messages": "m", "splits": splits}
    recipe = make_recipe(model, source, data=data, allow=allow)
    try:
        preparation = prepared(recipe, tmp_path)
    except MlxrError as error:
        assert error.message  # noqa: PT017 - either way is right; a traceback is not
        return
    written = [r["mlxr"]["row"] for split in records(preparation).values() for r in split]
    lost = sum(f.counts.get("unsplit", 0) for f in preparation.findings)
    assert len(written) == len(set(written)) == len(rows) - lost
