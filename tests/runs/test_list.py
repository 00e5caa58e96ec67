"""`mlxr runs`: every run in a line, whatever state it is in."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import questions
from mlxr.files import read_json, write_json
from mlxr.terminal.runs import age
from train.runs import Run, Write, prepared, stopped_at


def trained(mlxr: Run, write_recipe: Write, **keys: Any) -> Path:
    recipe = prepared(mlxr, write_recipe(iters=4, steps_per_eval=2, **keys))
    ran = mlxr("train", recipe)
    assert ran.code == 0, ran.err
    return recipe.parent / "adapters" / "r" / "0001"


def test_no_run_is_no_mistake(mlxr: Run) -> None:
    ran = mlxr("runs")
    assert (ran.code, ran.out) == (0, "")
    assert "There is no run here yet." in ran.err
    assert json.loads(mlxr("runs", "--json").out) == []


def test_every_state_of_a_run_has_a_line(mlxr: Run, write_recipe: Write) -> None:
    """Compared, killed in its midst, stopped early, and broken in three ways."""
    extra = '[compare]\ntask = "text"\nlimit = 4\n'
    run = trained(mlxr, write_recipe, rows=questions(90), extra=extra)
    stopped_at(run, 2, "0002")
    early = run.with_name("0003")
    shutil.copytree(run, early)
    write_json(early / "run.json", read_json(early / "run.json") | {"status": "patience"})
    broken = ("{", "[]", json.dumps(read_json(run / "run.json") | {"result": {"best_loss": 1}}))
    for number, content in enumerate(broken, start=4):
        run.with_name(f"000{number}").mkdir()
        run.with_name(f"000{number}").joinpath("run.json").write_text(content)
    assert mlxr("compare", "r/0001").code in {0, 3, 4}
    document = read_json(run / "compare" / "compare.json")
    ran = mlxr("runs")
    assert ran.code == 0, ran.err
    head, one, two, three, *rest = ran.out.splitlines()
    assert head.split() == "run status iterations best loss verdict base → tuned size age".split()
    assert one.split()[:3] == ["r/0001", "done", "4/4"]
    assert f"{document['verdict']['label']}  nll_per_token " in one
    assert two.split()[:3] == ["r/0002", "killed", "4/4"]
    assert three.split()[:4] == ["r/0003", "stopped", "early", "4/4"]
    assert [line.split(":")[0] for line in rest] == ["r/0004", "r/0005", "r/0006"]
    assert all("run.json is not " in line for line in rest)
    first = json.loads(mlxr("runs", "--json").out)[0]
    metric = document["metrics"][0]
    verdict = first["verdict"]
    assert (first["run"], verdict["metric"], verdict["outdated"]) == (
        "r/0001",
        metric["name"],
        False,
    )
    assert verdict["tuned"] == metric["tuned"]["value"]
    assert first["size"] == sum(p.stat().st_size for p in run.rglob("*") if p.is_file())


def test_a_verdict_on_other_weights_is_called_outdated(mlxr: Run, write_recipe: Write) -> None:
    run = trained(mlxr, write_recipe)
    (run / "compare").mkdir()
    document = {
        "verdict": {"label": "IMPROVED"},
        "metrics": [],
        "provenance": {"adapter_sha256": "other"},
    }
    write_json(run / "compare" / "compare.json", document)
    assert "IMPROVED (outdated)" in mlxr("runs").out


@pytest.mark.parametrize(
    ("passed", "said"),
    [(5, "5 s"), (90, "1 min"), (7300, "2 h"), (86_400, "24 h"), (86_400 * 9, "9 days")],
)
def test_age(passed: int, said: str) -> None:
    now = datetime.now(UTC)
    assert age((now - timedelta(seconds=passed)).isoformat(), now) == said
    assert age("then", now) == "–"
