"""A flaw planted in some of 200 sound rows is reported with its share, from prep to audit.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prep.samples import make_recipe, prepared, records, write_rows

COUNT = 200
Row = dict[str, Any]


def sound(i: int) -> Row:
    """Return a row whose answer is JSON that can be read off the prompt."""
    answer = {"who": f"guest{i}", "where": f"room {i % 7}", "what": f"task{i % 50}"}
    return {"text": f"guest{i} does task{i % 50} in room {i % 7}", "answer": json.dumps(answer)}


def changed(i: int, **fields: Any) -> Row:
    row = sound(i)
    return {**row, "answer": json.dumps({**json.loads(row["answer"]), **fields})}


def leaked(i: int) -> Row:
    row = sound(i)
    return {**row, "text": f"{row['text']}. Expected: {row['answer']}"}


def torn(i: int) -> Row:
    """Return one of two rows that ask the same and answer otherwise."""
    twin = i - i % 2
    return {**sound(twin), "answer": sound(i)["answer"]} if i % 2 else sound(twin)


def talk(turns: int) -> Callable[[int], Row]:
    def row(i: int) -> Row:
        pairs = [
            ({"from": "human", "value": f"Ask {i} {t}"}, {"from": "gpt", "value": f"Say {i} {t}"})
            for t in range(turns)
        ]
        return {"turns": [message for pair in pairs for message in pair]}

    return row


def labelled(desirable: bool) -> Callable[[int], Row]:
    return lambda i: {**sound(i), "fine": desirable}


PLANTS: dict[str, tuple[Callable[[int], Row], Callable[[int], Row]]] = {
    "answer-in-prompt": (leaked, sound),
    "ungrounded-target": (lambda i: changed(i, who=f"Zoltan the {i}th of Aberystwyth"), sound),
    "mostly-null-target": (lambda i: changed(i, who=None, where=None), sound),
    "conflicting-targets": (torn, sound),
    "untrained-turns": (talk(3), talk(1)),
    "undesirable-in-train": (labelled(False), labelled(True)),
}


@pytest.mark.parametrize("share", [0.05, 0.2, 0.8])
@pytest.mark.parametrize("code", PLANTS)
def test_the_reported_share_is_the_planted_one(
    model: Path, tmp_path: Path, code: str, share: float
) -> None:
    flawed, good = PLANTS[code]
    planted = round(share * COUNT)
    rows = [flawed(i) if i < planted else good(i) for i in range(COUNT)]
    splits: dict[str, Any] = {"train": 0.5, "valid": 0.3, "test": 0.2}
    data: dict[str, Any] = {"splits": splits}
    if code == "untrained-turns":
        data |= {"messages": "turns", "turns": "last"}
    if code == "undesirable-in-train":
        data |= {"label": "fine"}
    recipe = make_recipe(
        model, write_rows(tmp_path / "rows.jsonl", rows), data=data, allow=["answer-in-prompt"]
    )
    preparation = prepared(recipe, tmp_path)
    written = json.loads(preparation.prepared.audit.read_text())["findings"]
    [found] = [each for each in written if each["code"] == code]
    count = sum(found["counts"].values())
    expected = planted
    if code == "undesirable-in-train":  # in the test split they do no harm
        kept = [r for split in ("train", "valid") for r in records(preparation)[split]]
        expected = sum(not record["mlxr"]["desirable"] for record in kept)
    assert abs(count - expected) <= 1
    assert found["message"].startswith(f"{count} of {COUNT} rows ({100 * count / COUNT:.1f} %)")
    assert all(int(place.split(":")[1]) <= planted for place in found["examples"])
    if code != "untrained-turns":
        # An answer that belongs to another prompt is also made of values that this one lacks.
        others = set(PLANTS) - ({code, "ungrounded-target"} if code.startswith("conf") else {code})
        assert not {each["code"] for each in written} & others
