"""What `mlxr compare` says at its end follows from its verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from compare.pages import texts
from mlxr.compare.comparison import Comparison
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


def test_stored_outputs_have_no_run_to_go_on_with(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    document, judgement = texts(20)
    comparison = Comparison(judgement, document, tmp_path, tmp_path / "report.html")
    show_comparison(Terminal(as_json=False, quiet=False), comparison)
    assert "mlxr" not in capfd.readouterr().err.split("Next:\n")[1]
