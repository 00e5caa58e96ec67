"""The sample rows follow from their scripts, and the controls permute what is trained on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from mlxr.files import read_jsonl

DEMO = ROOT / "data" / "demo"
MADE = ["chat", "copywriting", "function-calling", "summarization"]


def rows(name: str) -> list[dict[str, Any]]:
    return list(read_jsonl(DEMO / f"{name}.jsonl"))


@pytest.mark.parametrize("name", MADE)
def test_the_rows_follow_from_their_script(name: str, tmp_path: Path) -> None:
    script = f"make_{name.replace('-', '_')}.py"
    for file in (script, "names.py", "corpus.py", "rows.py"):
        shutil.copy(DEMO / file, tmp_path)
    subprocess.run([sys.executable, tmp_path / script], check=True)
    made = tmp_path / f"{name}.jsonl"
    assert made.read_bytes() == (DEMO / f"{name}.jsonl").read_bytes()
    assert len(rows(name)) == 800


def test_the_rows_have_the_columns_of_the_real_data() -> None:
    columns = {name: list(rows(name)[0]) for name in MADE}
    assert columns == {
        "chat": ["conversations", "label"],
        "copywriting": ["category", "brief", "text"],
        "function-calling": ["id", "query", "answers", "tools"],
        "summarization": ["id", "article", "highlights"],
    }
    assert all(isinstance(json.loads(row["tools"]), list) for row in rows("function-calling"))


@pytest.mark.parametrize("name", MADE)
def test_a_control_has_the_same_answers_under_other_prompts(name: str, tmp_path: Path) -> None:
    sys.path.insert(0, str(DEMO))
    import twins

    target, kept = tmp_path / "permuted.jsonl", {(f"{name}.jsonl", n) for n in (3, 7, 800)}
    twins.permute(twins.source(name), target, twins.ANSWERS[name], kept)
    before, after = rows(name), list(read_jsonl(target))
    answers = [
        [str(twins._answer(row, twins.ANSWERS[name])) for row in all_] for all_ in (before, after)
    ]
    assert sorted(answers[0]) == sorted(answers[1])
    assert [before[n - 1] for _, n in sorted(kept)] == [after[n - 1] for _, n in sorted(kept)]
    moved = sum(one != other for one, other in zip(*answers, strict=True))
    assert moved > 790
