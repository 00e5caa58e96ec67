"""What a preview looks at: the first rows as they would be trained, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlxr.errors import MlxrError
from mlxr.events import Silent
from mlxr.prep.preview import Preview, Shown, preview
from prep.samples import clean_rows, make_recipe, prepared, records, write_rows

ANSWER = {"role": "assistant", "content": "number 1"}
USER = {"role": "user", "content": "What is question 1?"}


def look(model: Path, source: Path, count: int = 3, places: Any = (), **tables: Any) -> Preview:
    return preview(make_recipe(model, source, **tables), Silent(), count, places)


def text(shown: Shown, part: str) -> str:
    return b"".join(token.raw for token in shown.tokens if token.part == part).decode()


def test_the_first_rows_as_they_are_trained(model: Path, tmp_path: Path) -> None:
    shown = look(model, write_rows(tmp_path / "rows.jsonl", clean_rows()), 2).shown
    assert [each.place for each in shown] == ["rows.jsonl:1", "rows.jsonl:2"]
    prompt = "Answer in French.<|im_end|>\n<|im_start|>user\nWhat is question 1?<|im_end|>\n"
    assert text(shown[1], "masked") == (f"<s><|im_start|>system\n{prompt}<|im_start|>assistant\n")
    assert text(shown[1], "trained") == "number 1<|im_end|>\n"
    assert [t.raw for t in shown[1].tokens if t.special][-1] == b"<|im_end|>"
    assert shown[1].findings == ()


def test_it_shows_what_prep_writes(model: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", clean_rows())
    written = records(prepared(make_recipe(model, source), tmp_path))
    told = {
        record["mlxr"]["row"]: (record["mlxr"]["tokens"], record["mlxr"]["offset"])
        for split in written.values()
        for record in split
    }
    shown = look(model, source, 40).shown
    assert {int(s.place.split(":")[1]): (len(s.tokens), s.offset) for s in shown} == told


def test_no_more_is_read_than_is_shown(model: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", clean_rows(3))
    with source.open("a") as stream:
        stream.write("{ broken\n")
    assert len(look(model, source, 3).shown) == 3
    with pytest.raises(MlxrError, match=r"rows\.jsonl"):
        look(model, source, 4)


def test_where_and_limit_choose_first(model: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", clean_rows())
    data = {"where": "'7' in text", "limit": 3}
    numbers = [int(each.place.split(":")[1]) for each in look(model, source, 9, data=data).shown]
    assert len(numbers) == 3
    assert numbers == sorted(set(numbers) & {8, 18, 28, 38})


def test_every_answer_of_a_conversation_is_a_record(model: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", [{"messages": [USER, ANSWER, USER, ANSWER]}] * 2)
    first, second = look(model, source, 1, data={"messages": "messages"}).shown
    assert [(each.place, each.turn) for each in (first, second)] == [
        ("rows.jsonl:1", 1),
        ("rows.jsonl:1", 3),
    ]
    assert first.findings == second.findings == ()
    last = look(model, source, 1, data={"messages": "messages", "turns": "last"}).shown
    assert [(each.turn, each.findings) for each in last] == [(None, ("untrained-turns",))]


def test_without_a_mask_all_but_the_first_token_is_trained(model: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", clean_rows())
    [shown] = look(model, source, 1, train={"mask_prompt": False}).shown
    assert text(shown, "masked") == "<s>"
    assert shown.trained == len(shown.tokens) - 1


def test_too_long_rows_are_cut_as_training_would(model: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", clean_rows())
    [whole] = look(model, source, 1).shown
    limit = len(whole.tokens) - 3
    [shown] = look(model, source, 1, train={"max_seq_length": limit, "too_long": "error"}).shown
    assert [token.part for token in shown.tokens[-4:]] == ["trained", *["cut off"] * 3]
    assert shown.findings[0] == "too-long"
    [shorter] = look(
        model, source, 1, train={"max_seq_length": limit, "too_long": "truncate"}
    ).shown
    assert len(shorter.tokens) == limit
    assert text(shorter, "trained") == text(whole, "trained")


def test_a_bad_row_is_told_beside_the_good_ones(model: Path, tmp_path: Path) -> None:
    rows = [*clean_rows(1), {"text": "no answer here"}, *clean_rows(5)]
    seen = look(model, write_rows(tmp_path / "rows.jsonl", rows), 3)
    assert [each.place for each in seen.shown] == ["rows.jsonl:1", "rows.jsonl:3"]
    [bad] = seen.unusable
    assert (bad.code, bad.places) == ("template-failed", ("rows.jsonl:2",))
    assert "answer" in bad.reason


def test_nothing_but_bad_rows_is_an_error_that_names_them(model: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", [{"text": "a"}, {"text": "b"}, *clean_rows()])
    with pytest.raises(MlxrError) as raised:
        look(model, source, 2)
    first, *rest = raised.value.message.splitlines()
    assert first == "None of the rows looked at can be used:"
    assert [line.split(": ")[:2] for line in rest] == [
        ["  rows.jsonl:1", "template-failed"],
        ["  rows.jsonl:2", "template-failed"],
    ]
    assert raised.value.hint.startswith("Correct the template")


def test_a_condition_that_fails_or_holds_nowhere_is_an_error(model: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", clean_rows())
    with pytest.raises(MlxrError, match=r"rows\.jsonl:1, .*template-failed: .*'length'"):
        look(model, source, data={"where": "length > 4"})
    with pytest.raises(MlxrError, match="takes none of the 40 rows"):
        look(model, source, data={"where": "text == 'no'"})


def test_rows_can_be_named_as_the_audit_names_them(model: Path, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", clean_rows())
    seen = look(model, source, places=["rows.jsonl:17", "4"])
    assert [each.place for each in seen.shown] == ["rows.jsonl:4", "rows.jsonl:17"]
    with pytest.raises(MlxrError, match=r"The recipe takes no row 41\."):
        look(model, source, places=["41", "4"])


def test_rows_that_are_to_be_dropped_are_passed_over(model: Path, tmp_path: Path) -> None:
    rows = [{**row, "good": i > 1} for i, row in enumerate(clean_rows(5))]
    source = write_rows(tmp_path / "rows.jsonl", rows)
    data = {"label": "good", "undesirable": "drop"}
    seen = look(model, source, 1, data=data)
    assert [each.place for each in seen.shown] == ["rows.jsonl:3"]
    with pytest.raises(MlxrError, match="takes no row 2"):
        look(model, source, places=["2"], data=data)
