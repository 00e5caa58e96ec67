"""Several adapters of one base: the base is asked once, and the choice among them is paid for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from compare.pages import texts
from conftest import Ran, questions
from mlxr.compare.comparison import Comparison
from mlxr.compare.several import standings
from mlxr.files import read_json
from mlxr.workspace import Workspace

Run = Callable[..., Ran]
Write = Callable[..., Path]


def test_runs_and_checkpoints_stand_beside_each_other(mlxr: Run, write_recipe: Write) -> None:
    extra = "[compare]\nlimit = 12\nmax_tokens = 8\n"
    recipe = write_recipe(questions(90), iters=4, save_every=2, steps_per_eval=2, extra=extra)
    assert mlxr("prep", recipe).code == 0
    assert mlxr("train", recipe).code == 0
    assert mlxr("train", recipe, "--set", "train.learning_rate=0.005").code == 0
    ran = mlxr("compare", "r/0001", "r/0002", "r/0001@2", "--json")
    assert ran.code in {0, 3, 4}, ran.err
    made = json.loads(ran.out)
    assert [c["run"] for c in made["comparisons"]] == ["r/0001", "r/0002", "r/0001@2"]
    assert {s["run"] for s in made["standings"]} == {"r/0001", "r/0002", "r/0001@2"}
    losses = [s["tuned"] for s in made["standings"]]
    assert losses == sorted(losses)
    base = {json.dumps(c["metrics"][0]["base"]) for c in made["comparisons"]}
    assert len(base) == 1
    assert len(list(Path("adapters/.outputs").glob("*.jsonl"))) == 4
    one = read_json(Path("adapters/r/0001/compare/2/compare.json"))
    assert one == made["comparisons"][2]
    shown = mlxr("compare", "r/0001", "r/0002")
    assert shown.err.count("Taking the 12 answers") == 4
    assert "looks better than it is" in shown.out
    assert "adapters/r/0002/compare/report.html" in shown.out
    fresh = mlxr("compare", "r/0001", "r/0002", "--fresh").err
    assert (fresh.count("Asking base"), fresh.count("Asking tuned")) == (1, 2)
    assert fresh.count("Taking the 12 answers of base") == 1
    assert mlxr("compare", "--fresh", "--predictions", "a.jsonl", "b.jsonl").code == 2

    assert "has no checkpoint '3'" in mlxr("compare", "r/0001@3").err
    assert "It kept: best, 2, 4." in mlxr("compare", "r/0001@3").err
    assert "r/0001 is named twice" in mlxr("compare", "r/0001", "r/0001").err
    record = json.loads(Path("adapters/r/0002/run.json").read_text())
    record["recipe"]["compare"]["limit"] = 13
    Path("adapters/r/0002/run.json").write_text(json.dumps(record))
    assert "differ in their [compare]" in mlxr("compare", "r/0001", "r/0002").err


def test_a_checkpoint_has_folders_of_its_own(tmp_path: Path) -> None:
    run = tmp_path / "adapters/r/0001"
    for folder in (run, run / "best", run / "checkpoints/0000170"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "adapters.safetensors").write_bytes(b"")
    (run / "run.json").write_text("{}")
    workspace = Workspace(tmp_path)
    names = ("r/0001", "1@best", "r/0001@170")
    adapters = [workspace.adapter(name) for name in names]
    assert [a.folder for a in adapters] == [run, run / "best", run / "checkpoints/0000170"]
    assert [a.name for a in adapters] == ["r/0001", "r/0001@best", "r/0001@170"]
    assert [a.compare.relative_to(run).as_posix() for a in adapters] == [
        "compare", "compare/best", "compare/170",
    ]  # fmt: skip


def test_p_is_adjusted_for_the_number_of_adapters() -> None:
    found = []
    for n in (20, 60, 40):
        document, judgement = texts(n, "no idea")
        found.append(Comparison(judgement, {**document, "run": f"r/{n}"}, Path(), Path()))
    stood = {s.name: s for s in standings(found)}
    alone = {s.name: s.paired.p for s in stood.values() if s.paired}
    assert stood["r/60"].p_holm == pytest.approx(3 * alone["r/60"])
    assert stood["r/20"].p_holm == pytest.approx(alone["r/20"])
