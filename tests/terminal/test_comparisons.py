"""What `mlxr compare` says at its end follows from its verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from compare.pages import compared, texts
from mlxr.compare.comparison import Comparison
from mlxr.compare.sample import Sample
from mlxr.compare.verdict import Code
from mlxr.files import write_json
from mlxr.terminal.comparisons import show_comparison
from mlxr.terminal.console import Terminal
from mlxr.workspace import Adapter, Run

ASK = "mlxr chat r/0001@best --both"
EXPORT = "mlxr export r/0001@best"
RECIPE = "'my events/r.toml' --set train.iters=9"
LOOK = [f"mlxr preview {RECIPE}", "mlxr runs show r/0001@best"]
NEXT: dict[Code, list[str]] = {
    "IMPROVED": [ASK, EXPORT],
    "EQUIVALENT": [ASK],
    "INCONCLUSIVE": [ASK, f"mlxr plan {RECIPE}"],
    "REGRESSED": LOOK,
    "BELOW_TRIVIAL_BASELINE": LOOK,
    "BLOCKED": LOOK,
}


@pytest.mark.parametrize("code", get_args(Code))
def test_what_to_type_next_follows_from_the_verdict(
    code: Code, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    document, judgement = texts(20)
    judged = replace(judgement, verdict=replace(judgement.verdict, code=code))
    run = Run(tmp_path / "adapters" / "r" / "0001")
    keys = {"status": "done", "recipe": {}, "data": {}, "versions": {}}
    recipe = {"recipe_path": str(tmp_path / "my events" / "r.toml"), "set": ["train.iters=9"]}
    write_json(run.record, keys | recipe)
    folder = run.compare / "best"
    comparison = Comparison(judged, document, folder, folder / "report.html", Adapter(run, "best"))
    show_comparison(Terminal(as_json=False, quiet=False), comparison)
    said = capfd.readouterr().err.split("Next:\n")[1].splitlines()
    assert [line.strip() for line in said[1::2]] == [
        "less adapters/r/0001/compare/best/samples.jsonl",
        *NEXT[code],
    ]


@pytest.mark.parametrize(("primary", "tuned", "offered"), [
    ("nll_per_token", "never right", False), ("nll_per_token", "answer 3", True),
])  # fmt: skip
def test_what_writes_no_answer_right_is_not_to_be_handed_on(
    primary: str, tuned: str, offered: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    samples = [Sample(f"s{i}", f"Question {i}", f"answer {i}") for i in range(20)]
    losses = [0.2 + i / 100 for i in range(20)]
    document, judgement = compared(
        samples, ["no"] * 20, [tuned] * 20, losses, task="text", primary=primary
    )
    judged = replace(judgement, verdict=replace(judgement.verdict, code="IMPROVED"))
    assert judgement.right is offered
    said = f"exact match 0.0 % → {'5.0' if offered else '0.0'} %."
    assert f"That is likelihood, not what it writes: {said}" in judgement.verdict.text
    run = Run(tmp_path / "adapters" / "r" / "0001")
    keys = {"status": "done", "recipe": {}, "data": {}, "versions": {}, "recipe_path": "r.toml"}
    write_json(run.record, keys)
    comparison = Comparison(judged, document, tmp_path, tmp_path / "report.html", Adapter(run))
    show_comparison(Terminal(as_json=False, quiet=False), comparison)
    assert ("mlxr export r/0001" in capfd.readouterr().err) is offered


def test_stored_outputs_have_no_run_to_go_on_with(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    document, judgement = texts(20)
    comparison = Comparison(judgement, document, tmp_path, tmp_path / "report.html")
    show_comparison(Terminal(as_json=False, quiet=False), comparison)
    assert "mlxr" not in capfd.readouterr().err.split("Next:\n")[1]
