"""`mlxr demo`, whole: what a newcomer runs first must end in a verdict worth believing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from conftest import ROOT, Ran
from mlxr.files import read_jsonl


def test_the_demo_improves_by_a_wide_margin(mlxr: Callable[..., Ran]) -> None:
    ran = mlxr("demo", "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["verdict"]["code"] == "IMPROVED"
    primary = document["metrics"][0]
    assert (primary["name"], primary["n"]) == ("micro_f1", 60)
    assert primary["base"]["value"] <= 0.10
    assert primary["tuned"]["value"] >= 0.65
    low, high = primary["delta"]["ci95"]
    assert 0.55 < low < primary["delta"]["value"] < high
    assert document["baselines"]["all_null"]["micro_f1"] == 0
    assert document["alarms"] == []
    assert [f["code"] for f in document["findings"]] == ["mostly-null-target"]  # and they are


def test_nobody_and_no_place_of_the_test_rows_occurs_in_training() -> None:
    def names(split: str) -> set[str]:
        found: set[str] = set()
        for row in read_jsonl(ROOT / "data/demo/calendar" / f"{split}.jsonl"):
            found |= set(row["output"]["attendees"] or ())
            place = (row["output"]["location"] or "").removeprefix("the ").split(" ")[0]
            found |= {place} if place else set()
        return found

    texts = " ".join(
        row["event_text"]
        for split in ("train", "valid")
        for row in read_jsonl(ROOT / "data/demo/calendar" / f"{split}.jsonl")
    )
    words = set(texts.replace(",", " ").replace(".", " ").split())
    assert len(names("test")) > 50
    assert names("test") & words == set()


def test_every_value_of_the_demo_rows_stands_in_the_text() -> None:
    count = 0
    for split in ("train", "valid", "test"):
        for row in read_jsonl(ROOT / "data/demo/calendar" / f"{split}.jsonl"):
            count += 1
            assert len(row["output"]) == 8
            for value in row["output"].values():
                parts = value if isinstance(value, list) else [value] if value else []
                assert all(part.lower() in row["event_text"].lower() for part in parts), row
    assert count == 720


def test_the_demo_rows_follow_from_their_script(tmp_path: Path) -> None:
    import shutil
    import subprocess
    import sys

    for script in ("make_calendar.py", "names.py"):
        shutil.copy(ROOT / "data/demo" / script, tmp_path)
    subprocess.run([sys.executable, tmp_path / "make_calendar.py"], check=True)
    for split in ("train", "valid", "test"):
        made = (tmp_path / "calendar" / f"{split}.jsonl").read_bytes()
        assert made == (ROOT / "data/demo/calendar" / f"{split}.jsonl").read_bytes()
