"""Several ranks on one machine: the same training as one, begun, asked and ended together."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import questions
from mlxr.errors import MlxrError
from mlxr.events import Ended
from mlxr.files import read_json
from mlxr.process import Exit
from mlxr.train import faults
from mlxr.train.ranks import LAUNCH, Ranks, on_hosts
from train.runs import Run, Write, events, prepared
from train.test_faults import INJECTED, assert_loads, assert_nothing_runs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def uneven() -> list[dict[str, Any]]:
    """Return rows whose answers have one to nine numbers; 41 leave a rank without rows."""
    return [
        row | {"answer": " ".join([row["answer"]] * (1 + i % 9))}
        for i, row in enumerate(questions(41))
    ]


def test_two_ranks_have_the_losses_of_one(mlxr: Run, write_recipe: Write, tmp_path: Path) -> None:
    recipe = prepared(
        mlxr,
        write_recipe(
            uneven(), iters=10, batch_size=3, num_layers=2, steps_per_eval=5,
            grad_accumulation_steps=2, max_grad_norm=0.5,
        ),
    )  # fmt: skip
    for command in (["-q"], ["-q", "-n", "2"]):
        ran = mlxr("train", recipe, *command)
        assert ran.code == 0, ran.err
    one, two = (tmp_path / f"adapters/r/000{number}" for number in (1, 2))
    for kind, figures in (("trained", ["loss", "grad_norm"]), ("validated", ["loss"])):
        for figure in figures:
            expected = [event[figure] for event in events(one, kind)]
            assert [event[figure] for event in events(two, kind)] == [
                value if value is None else pytest.approx(value, rel=1e-4) for value in expected
            ]
    tokens = [[event["target_tokens"] for event in events(run, "trained")] for run in (one, two)]
    assert tokens[0] == tokens[1]
    assert [event["ranks"] for event in events(two, "started")] == [2]
    assert read_json(two / "run.json")["ranks"] == {"count": 2, "hosts": None}
    assert_loads(two)
    assert_nothing_runs(tmp_path)


def test_one_rank_killed_ends_all_and_resume_goes_on(
    mlxr: Run, write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = prepared(mlxr, write_recipe(iters=6, steps_per_eval=2))
    with monkeypatch.context() as patch:
        patch.setenv("FAULT", "kill@4@1")
        path = [str(INJECTED), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(part for part in path if part))
        ran = mlxr("train", recipe, "-n", "2")
    assert ran.code == 1
    assert "rank 1 of mlx_lm was ended by SIGKILL" in ran.err
    assert "Traceback" not in ran.err
    run = tmp_path / "adapters/r/0001"
    assert read_json(run / "run.json")["status"] == "killed"
    assert_nothing_runs(tmp_path)
    assert_loads(run / "checkpoints" / "0000002")
    ran = mlxr("train", recipe, "--resume")
    assert ran.code == 0, ran.err
    assert [event["ranks"] for event in events(run, "started")] == [2, 2]
    assert [event["iteration"] for event in events(run, "trained")] == [1, 2, 3, 4, 5, 6]


def test_one_rank_asked_to_end_ends_all_saved(
    mlxr: Run, write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mlxr asks all; here only one hears it, as on a host that was let go of."""
    recipe = prepared(mlxr, write_recipe(iters=400, steps_per_eval=500))
    monkeypatch.setenv("FAULT", "hangup@3@1")
    path = [str(INJECTED), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(part for part in path if part))
    ran = mlxr("train", recipe, "-n", "2")
    assert ran.code == 130, ran.err
    assert "Interrupted and saved. Trained 3 iterations" in ran.out
    assert (tmp_path / "adapters/r/0001/checkpoints/0000003/state.json").is_file()
    assert_nothing_runs(tmp_path)


def test_hosts_are_launched_and_told_of_through_the_runs_files(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    """mlx.launch starts 127.0.0.1 without ssh."""
    here = {"ssh": "127.0.0.1", "ips": ["127.0.0.1"]}
    (tmp_path / "hosts.json").write_text(json.dumps([here, here]))
    recipe = prepared(mlxr, write_recipe(iters=4, steps_per_eval=2))
    ran = mlxr("train", recipe, "--hosts", "hosts.json")
    assert ran.code == 0, ran.err
    assert "validation loss" in ran.err
    run = tmp_path / "adapters/r/0001"
    assert read_json(run / "run.json")["result"]["iterations"] == 4
    assert [event["ranks"] for event in events(run, "started")] == [2]
    assert_nothing_runs(tmp_path)


def test_the_launcher_is_mlx_launch_with_the_host_file(tmp_path: Path) -> None:
    file = tmp_path / "hosts.json"
    file.write_text('{"backend": "jaccl", "hosts": [{"ssh": "a", "ips": []}, {"ssh": "b"}]}')
    ranks = on_hosts(file)
    assert ranks.count == 2
    begin, end = ranks.launcher[:5], ranks.launcher[5:]
    assert begin == [sys.executable, "-c", LAUNCH, "--hostfile", str(file)]
    assert end[:2] == ["--env", "PYTHONUTF8=1"]
    assert end[-1] == "--"
    assert Ranks(2).launcher == []


@pytest.mark.parametrize(
    ("text", "said"), [("[]", "no host"), ("{", "not readable as JSON"), (None, "exist")]
)
def test_a_host_file_that_cannot_be(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "hosts.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(MlxrError, match=said):
        on_hosts(file)


def test_options_that_contradict_each_other(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe()
    assert mlxr("train", recipe, "-n", "2", "--hosts", "h.json").code == 2
    assert mlxr("train", recipe, "-n", "2", "--resume").code == 2


def test_the_first_rank_to_fail_tells_why() -> None:
    lost = Ended("error", 3, "RuntimeError: [ring] connection to a peer was lost")
    told = faults.told(lost, Exit(-signal.SIGKILL, "", 1), 3)
    assert (told.reason, told.message) == ("killed", "rank 1 of mlx_lm was ended by SIGKILL")
    assert faults.told(lost, Exit(1, "", 0), 3).message == lost.message
