"""The talk: each arm hears its own answers, and what is saved can be trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlxr.chat.talk import Talk, Turn
from mlxr.errors import MlxrError
from mlxr.prep.conversation import Conversation, PlainText
from mlxr.prep.shapes import from_known


def turn(text: str, **answers: str) -> Turn:
    return Turn(Conversation(({"role": "user", "content": text},)), answers)


def contents(talk: Talk, arm: str) -> list[str]:
    return [f"{m['role']}: {m['content']}" for m in talk.before(arm)]


def test_each_arm_remembers_its_own_answers_and_else_the_others() -> None:
    talk = Talk(True, "Be brief.", [turn("a", base="b1", tuned="t1"), turn("c", tuned="t2")])
    assert contents(talk, "base") == [
        "system: Be brief.", "user: a", "assistant: b1", "user: c", "assistant: t2",
    ]  # fmt: skip
    assert contents(talk, "tuned")[2::2] == ["assistant: t1", "assistant: t2"]


def test_questions_that_stand_alone_hear_nothing_of_each_other() -> None:
    assert Talk(False, turns=[turn("a", tuned="t")]).before("tuned") == []


def test_a_saved_talk_is_rows_that_prep_reads(tmp_path: Path) -> None:
    talk = Talk(True, turns=[turn("a", base="b1", tuned="t1"), turn("c", tuned="t2")])
    assert talk.save(tmp_path / "talk.jsonl") == 2
    rows = [json.loads(line) for line in (tmp_path / "talk.jsonl").read_text().splitlines()]
    assert [row["arm"] for row in rows] == ["base", "tuned"]
    read = [from_known(row, masks=True) for row in rows]
    said = [
        [m["content"] for m in each.messages] for each in read if isinstance(each, Conversation)
    ]
    assert said == [["a", "b1", "c", "t2"], ["a", "t1", "c", "t2"]]


def test_questions_that_stand_alone_are_saved_as_rows_of_their_own(tmp_path: Path) -> None:
    talk = Talk(False, turns=[turn("a", tuned="t"), Turn(PlainText("On"), {"tuned": " and on"})])
    assert talk.save(tmp_path / "talk.jsonl") == 2
    rows = [json.loads(line) for line in (tmp_path / "talk.jsonl").read_text().splitlines()]
    assert [m["content"] for m in rows[0]["messages"]] == ["a", "t"]
    assert rows[1] == {"arm": "tuned", "text": "On and on"}


def test_saving_never_overwrites_and_says_what_is_wrong(tmp_path: Path) -> None:
    talk, path = Talk(True), tmp_path / "talk.jsonl"
    with pytest.raises(MlxrError, match="nothing to save"):
        talk.save(path)
    talk.turns.append(turn("a", tuned="t"))
    path.write_text("mine")
    with pytest.raises(MlxrError, match="is there already"):
        talk.save(path)
    assert path.read_text() == "mine"
    with pytest.raises(MlxrError, match="cannot be written: No such file"):
        talk.save(tmp_path / "none" / "talk.jsonl")
