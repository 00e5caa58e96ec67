"""Test rows that training has seen: found, flagged, and left out of the verdict where many."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from compare.pages import compared
from conftest import Ran, questions
from mlxr.compare.leaks import Leaks, find_leaks, kept_leaks, skeleton
from mlxr.compare.sample import Sample
from mlxr.files import read_json, read_jsonl
from mlxr.workspace import Prepared

Run = Callable[..., Ran]


def record(name: str, asked: str, answer: str = "yes", system: str = "") -> dict[str, Any]:
    before = [{"role": "system", "content": system}] if system else []
    said = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return {"messages": [*before, *said], "mlxr": {"id": name}}


def file(name: str, records: Sequence[dict[str, Any]]) -> Path:
    Path(name).write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return Path(name)


def prose(seed: int, size: int = 60) -> list[str]:
    return random.Random(seed).choices([f"w{i}" for i in range(3000)], k=size)


def edited(words: Sequence[str]) -> str:
    return " ".join([*words[:30], "another", *words[31:]])


def test_copies_and_near_copies_are_told_apart_from_the_rest() -> None:
    texts = [prose(i) for i in range(60)]
    train = [record(f"a{i}", " ".join(text)) for i, text in enumerate(texts[:50])]
    asked = {
        "same": " ".join(texts[3]),
        "loud": " ".join(texts[4]).upper() + "!",
        "near": edited(texts[5]),
        "valid": edited(texts[51]),
        "free": " ".join(texts[55]),
    }
    answers = {"loud": "no"}
    test = [record(k, v, answers.get(k, "yes")) for k, v in asked.items()]
    known = [file("train.jsonl", train), file("valid.jsonl", [record("v", " ".join(texts[51]))])]
    leaks = find_leaks(known, file("test.jsonl", test))
    assert (leaks.exact, leaks.near) == (("same", "loud"), ("near", "valid"))
    assert (leaks.n, leaks.answered, leaks.share, leaks.many) == (5, 1, 0.8, True)
    assert find_leaks(known, Path("test.jsonl"), {"near"}).near == ("near",)
    assert find_leaks([Path("none.jsonl")], Path("test.jsonl")).ids == frozenset()


def test_test_rows_that_are_alike_among_themselves_were_not_seen() -> None:
    text = prose(1)
    test = [record("one", " ".join(text)), record("two", edited(text)), record("b", "odd")]
    leaks = find_leaks([file("train.jsonl", [record("t", "even")])], file("test.jsonl", test))
    assert leaks.ids == frozenset()


def test_one_question_about_many_articles_is_not_one_prompt() -> None:
    """What the user says is the same everywhere: the article stands in the system message."""
    rows = [record(f"r{i}", "Sum it up.", "so", " ".join(prose(i))) for i in range(9)]
    leaks = find_leaks([file("train.jsonl", rows[:5])], file("test.jsonl", [rows[4], *rows[5:]]))
    assert leaks.exact == ("r4",)


def test_a_skeleton_forgets_numbers_and_what_the_answer_says() -> None:
    one = skeleton("Chess with Ada Lovelace at 9:30.", '{"who": "Ada Lovelace", "note": null}')
    other = skeleton("chess with Bo at 10:00", '{"who": "Bo", "sure": true}')
    assert one == other == "chess with <who> at 0 0"
    assert skeleton("Repeat: 5 6", "5 6") == "repeat <answer>"
    call = json.dumps({"tool_calls": [{"name": "find", "arguments": {"what": "red hats"}}]})
    assert skeleton("Look for red hats", call) == "look for <what>"


def test_forms_that_training_knows_are_counted_and_are_no_leak() -> None:
    train = [record("t", "Call Ada at 9", '{"who": "Ada"}')]
    test = [record("a", "Call Bo at 10", '{"who": "Bo"}'), record("b", "Ring Bo", '{"who": "Bo"}')]
    leaks = find_leaks([file("train.jsonl", train)], file("test.jsonl", test))
    assert (leaks.skeletons, leaks.ids) == (1, frozenset())


def test_leaks_are_looked_for_once(tmp_path: Path) -> None:
    prepared = Prepared(tmp_path)
    for name in ("train", "valid", "test"):
        file(f"{name}.jsonl", [record(name, "Why?")])
    kept = tmp_path / "kept"
    first = kept_leaks(prepared, "hash", ["test"], kept)
    assert first.exact == ("test",)
    for name in ("train", "valid", "test"):
        prepared.split(name).unlink()
    assert kept_leaks(prepared, "hash", ["test"], kept) == first
    with pytest.raises(FileNotFoundError):
        kept_leaks(prepared, "other", ["test"], kept)


def judged(leaked: int, n: int = 60) -> tuple[dict[str, Any], Any]:
    """The tuned arm is right where it has seen the row, and on every tenth other one."""
    ids = [f"s{i:02}" for i in range(n)]
    leaks = Leaks(n, tuple(ids[:leaked]), (), 0, 5)
    samples = [Sample(name, name, name) for name in ids]
    tuned = [name if i < leaked or i % 10 == 0 else "wrong" for i, name in enumerate(ids)]
    return compared(samples, ["wrong"] * n, tuned, leaks=leaks, primary="exact", task="text")


def test_a_few_leaks_stand_beside_the_verdict() -> None:
    document, judgement = judged(1)
    leaks = document["data"]["leaks"]
    assert (leaks["headline"], leaks["unseen"]["n"]) == ("all", 59)
    assert judgement.headline[0].paired.n == 60
    text = document["verdict"]["text"]
    assert "It counts 1 of 60 test rows that training has seen (1 to the letter)" in text
    assert "without them: +8.5 points (95 % interval " in text
    assert judgement.judged[0].tuned_score.flags == ("seen_exactly",)
    assert judgement.judged[1].tuned_score.flags == ()


def test_many_leaks_are_left_out_of_the_verdict() -> None:
    """What was learnt by heart alone must not be called an improvement."""
    document, judgement = judged(30)
    assert document["metrics"][0]["delta"]["value"] == 0.55
    assert document["metrics"][0]["delta"]["ci95"][0] > 0
    assert document["verdict"]["code"] == "INCONCLUSIVE"
    unseen = document["data"]["leaks"]["unseen"]
    assert (unseen["n"], unseen["paired"]["fixed"]) == (30, 3)
    assert judgement.headline[0].paired.n == 30
    text = document["verdict"]["text"]
    assert "rose from 0.0 % to 10.0 %" in text
    assert "This leaves out 30 of 60 test rows that training has seen (30 to the letter)" in text
    assert "on all rows: +55.0 points" in text


def test_nothing_but_leaks_is_no_test() -> None:
    document, judgement = judged(55)
    assert document["verdict"]["code"] == "BLOCKED"
    assert "Only 5 samples have a score" in document["verdict"]["text"]
    document, judgement = judged(60)
    assert document["verdict"]["code"] == "BLOCKED"
    assert document["data"]["leaks"]["unseen"] is None
    assert judgement.headline == ()


def test_nobody_looked_is_not_none() -> None:
    document, _ = compared([Sample("a", "a", "b")], ["b"], ["b"])
    assert document["data"]["leaks"] == {"checked": False}


def test_a_real_comparison_finds_what_the_splits_let_through(
    mlxr: Run, write_recipe: Callable[..., Path]
) -> None:
    """The same questions with other punctuation, divided by shares that keep only copies apart."""
    rows = questions(60)
    again = [{**row, "question": row["question"].replace(":", "!")} for row in rows]
    recipe = write_recipe(rows + again, iters=2, extra="[compare]\nlimit = 15\n")
    text = recipe.read_text().replace("test = 0.15", "test = 0.15\nnear_duplicates = false")
    recipe.write_text(text)
    for command in ("prep", "train"):
        assert mlxr(command, recipe).code == 0
    ran = mlxr("compare", recipe)
    folder = Path("adapters/r/0001/compare")
    document = read_json(folder / "compare.json")
    leaks = document["data"]["leaks"]
    samples = {s["id"]: s for s in read_jsonl(folder / "samples.jsonl")}
    seen = {
        row["messages"][0]["content"].replace("!", "").replace(":", "")
        for split in ("train", "valid")
        for row in read_jsonl(Path("data/r") / f"{split}.jsonl")
    }
    plain = {n: s["prompt"].split("|>")[1].split("<|")[0] for n, s in samples.items()}
    due = {n for n, asked in plain.items() if asked.replace("!", "").replace(":", "") in seen}
    assert set(leaks["exact"]) == due
    assert 5 < len(due) < 15
    assert leaks["headline"] == "unseen"
    assert all(("seen_exactly" in s["tuned"]["flags"]) == (n in due) for n, s in samples.items())
    assert f"seen in training: {len(due)} of 15 ({len(due)} to the letter" in ran.out
    assert f"Test rows seen in training: {len(due)} of 15" in (folder / "report.md").read_text()
    assert "#flag=seen_exactly" in (folder / "report.html").read_text()
