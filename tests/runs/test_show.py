"""`mlxr runs show` and `mlxr runs diff`."""

from __future__ import annotations

import json
from pathlib import Path

from mlxr.files import file_sha256, read_json
from runs.test_list import trained
from train.runs import Run, Write, stopped_at


def test_everything_about_a_run_is_told(mlxr: Run, write_recipe: Write, tmp_path: Path) -> None:
    run = trained(mlxr, write_recipe)
    ran = mlxr("runs", "show")
    assert ran.code == 0, ran.err
    record = read_json(run / "run.json")
    assert ran.out.startswith("r/0001: done, 4 of 4 iterations\n")
    for told in (
        f"recipe {tmp_path / 'r.toml'}\n",
        "  train.learning_rate = 0.001\n",
        f"mlx {record['versions']['mlx']}",
        f"sha256 {record['data']['sha256'][:12]}",
        "\nfindings\n",
        "adapters/r/0001/checkpoints/0000004",
    ):
        assert told in ran.out
    document = json.loads(mlxr("runs", "show", "r/0001", "--json").out)
    assert document.items() >= record.items()
    kept = {each["name"]: each for each in document["kept"]}
    assert list(kept) == ["", "best", "2", "4"]
    assert [name for name, each in kept.items() if each["resumable"]] == ["2", "4"]
    assert kept[""]["size"] == (run / "adapters.safetensors").stat().st_size
    codes = [finding["code"] for finding in document["findings"]]
    assert codes == [f["code"] for f in read_json(tmp_path / "data/r/audit.json")["findings"]]
    (tmp_path / "data" / "r" / "manifest.json").unlink()
    assert "findings: its data are no longer here" in mlxr("runs", "show").out


def test_a_run_that_was_killed_is_told_from_its_events(mlxr: Run, write_recipe: Write) -> None:
    stopped_at(trained(mlxr, write_recipe), 2, "0002")
    ran = mlxr("runs", "show", "r/0002")
    assert ran.out.startswith("r/0002: killed, 4 of 4 iterations\n")


def test_what_differs_is_told_and_nothing_else(mlxr: Run, write_recipe: Write) -> None:
    run = trained(mlxr, write_recipe)
    assert mlxr("train", "r.toml", "--set", "train.learning_rate=1e-5").code == 0
    document = json.loads(mlxr("runs", "diff", "r/0001", "r/0002", "--json").out)
    assert set(document) == {"runs", "recipe", "result"}
    assert document["recipe"] == {"train.learning_rate": [1e-3, 1e-5]}
    digests = [file_sha256(each / "adapters.safetensors") for each in (run, run.with_name("0002"))]
    assert document["result"]["adapter_sha256"] == digests
    assert "base_loss" not in document["result"]
    ran = mlxr("runs", "diff", "r/0001", "r/0002")
    assert ran.out.splitlines()[:2] == [
        "recipe               r/0001  r/0002",
        "train.learning_rate   0.001   1e-05",
    ]
    assert mlxr("runs", "diff", "r/0001", "r/0001").out == "r/0001 and r/0001 do not differ.\n"


def test_mistakes(mlxr: Run, write_recipe: Write) -> None:
    assert "There is no run here yet." in mlxr("runs", "show").err
    assert mlxr("runs", "diff", "r/0001").code == 2
    run = trained(mlxr, write_recipe)
    assert "There is no run 'r/0009'." in mlxr("runs", "diff", "r/0001", "r/0009").err
    record = read_json(run / "run.json") | {"recipe": {"name": 5}}
    (run / "run.json").write_text(json.dumps(record))
    ran = mlxr("runs", "show", "r/0001")
    assert ran.code == 1
    assert "is none that this mlxr reads (name)" in ran.err
