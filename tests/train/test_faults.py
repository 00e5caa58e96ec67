"""Whatever ends a training: nothing keeps running, what was saved is good, and run.json tells."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL
from mlxr.events import Ended
from mlxr.files import file_sha256, read_json, read_jsonl
from mlxr.process import Child, Exit
from mlxr.recipe import Train, load
from mlxr.train import faults, stage
from mlxr.train.batches import epoch_batches
from mlxr.workspace import Workspace
from train.runs import Run, Write, add, events, float_model, prepared

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
INJECTED = Path(__file__).with_name("injected")
Inject = Callable[[str], None]


@pytest.fixture
def inject(monkeypatch: pytest.MonkeyPatch) -> Inject:
    """Return a function that makes the next children meet a fault."""

    def inject(fault: str) -> None:
        monkeypatch.setenv("FAULT", fault)
        path = [str(INJECTED), os.environ.get("PYTHONPATH", "")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(part for part in path if part))

    return inject


def the_run(tmp_path: Path) -> Path:
    return tmp_path / "adapters" / "r" / "0001"


def record(tmp_path: Path) -> dict[str, Any]:
    found = read_json(the_run(tmp_path) / "run.json")
    assert isinstance(found, dict)
    return found


def assert_nothing_runs(tmp_path: Path) -> None:
    """No process has the test's folder in its command line."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        assert str(tmp_path).encode() not in command or int(folder.name) == os.getpid()


def assert_loads(adapter: Path, model: Path = MODEL) -> None:
    """Plain mlx_lm takes the adapter."""
    from mlx_lm import load as load_model

    load_model(str(model), adapter_path=str(adapter))


def test_a_killed_child_leaves_its_last_checkpoint_and_goes_on_exactly(
    mlxr: Run, write_recipe: Write, tmp_path: Path, inject: Inject, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = prepared(mlxr, write_recipe(iters=8, steps_per_eval=2))
    assert mlxr("train", recipe).code == 0
    whole = the_run(tmp_path)
    whole.rename(tmp_path / "whole")
    inject("kill@6")
    ran = mlxr("train", recipe)
    assert ran.code == 1
    assert "mlx_lm was ended by SIGKILL" in ran.err
    assert f"mlxr train {recipe} --resume" in ran.err
    assert "set train.batch_size = 1, train.grad_accumulation_steps = 2" in ran.err
    assert "Traceback" not in ran.err
    assert record(tmp_path)["status"] == "killed"
    assert record(tmp_path)["result"]["iterations"] == 5
    assert_nothing_runs(tmp_path)
    assert_loads(the_run(tmp_path))
    assert_loads(the_run(tmp_path) / "checkpoints" / "0000004")
    monkeypatch.delenv("FAULT")
    assert mlxr("train", recipe, "--resume").code == 0
    one, other = the_run(tmp_path), tmp_path / "whole"
    assert file_sha256(one / "adapters.safetensors") == file_sha256(other / "adapters.safetensors")
    kinds = ("trained", "validated")
    assert events(one, *kinds) == events(other, *kinds)


def test_a_killed_mlxr_leaves_a_run_that_is_not_running(
    mlxr: Run, write_recipe: Write, tmp_path: Path, inject: Inject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its child saves at once; the lock on the log shows when it has."""
    recipe = prepared(mlxr, write_recipe(iters=4000, steps_per_eval=1000))
    inject("orphan@3")
    done = subprocess.run(
        [sys.executable, "-m", "mlxr", "train", str(recipe)], check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL
    run = Workspace.here().run("r/0001")
    with run.log.open("rb") as stream:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX)  # waits for the child's end
    assert_nothing_runs(tmp_path)
    assert read_json(run.record)["status"] == "running"
    assert run.read_record()["status"] == "killed"
    saved = sorted(path.name for path in run.checkpoints.iterdir())
    assert saved in (["0000003"], ["0000004"])
    assert_loads(run.folder)
    ran = mlxr("compare", "r/0001")
    assert (ran.code, "has not ended (or was killed)" in ran.err) == (1, True)
    monkeypatch.setenv("FAULT", "interrupt@2")
    ran = mlxr("train", recipe, "--resume")
    assert ran.code == 130, ran.err
    assert f"from iteration {int(saved[0])}" in ran.err
    numbers = [event["iteration"] for event in events(run.folder, "trained")]
    assert numbers == list(range(1, int(saved[0]) + 3))


def test_a_closed_pipe_makes_the_child_save_and_end(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe(iters=4000, steps_per_eval=1000))
    workspace = Workspace.here()
    plan = stage.plan(load(recipe), workspace)
    run = workspace.new_run("r")
    run.config.write_text(json.dumps({**plan.config, "adapter_path": str(run.folder)}))
    told = stage.settings(run, plan.loaded.recipe)
    with Child("mlxr.train.child", [json.dumps(asdict(told))], run.log) as child:
        next(child.events())
        child._pipe.close()
        assert child.wait() == Exit(0, child.wait().tail)
    assert len(list(run.checkpoints.glob("*/state.json"))) == 1
    assert_loads(run.folder)


@pytest.mark.parametrize("fault", ["interrupt@3", "terminate@3"])
def test_a_signal_to_the_child_alone_is_an_interruption(
    mlxr: Run, write_recipe: Write, tmp_path: Path, inject: Inject, fault: str
) -> None:
    """As from a job system that signals every process."""
    inject(fault)
    ran = mlxr("train", prepared(mlxr, write_recipe(iters=4000, steps_per_eval=1000)))
    assert ran.code == 130
    assert record(tmp_path)["status"] == "interrupted"
    assert record(tmp_path)["result"]["iterations"] == 3
    assert_nothing_runs(tmp_path)
    assert_loads(the_run(tmp_path) / "checkpoints" / "0000003")


def test_ctrl_c_breaks_off_a_validation_which_going_on_makes_up_for(
    mlxr: Run, write_recipe: Write, tmp_path: Path, inject: Inject, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_recipe(model=float_model(tmp_path / "model"), iters=6, steps_per_eval=3)
    prepared(mlxr, recipe)
    assert mlxr("train", recipe).code == 0
    the_run(tmp_path).rename(tmp_path / "whole")
    inject("validate@2")
    assert mlxr("train", recipe).code == 130
    assert [event["iteration"] for event in events(the_run(tmp_path), "validated")] == [0]
    monkeypatch.delenv("FAULT")
    assert mlxr("train", recipe, "--resume").code == 0
    one, other = the_run(tmp_path), tmp_path / "whole"
    assert file_sha256(one / "adapters.safetensors") == file_sha256(other / "adapters.safetensors")
    assert events(one, "trained", "validated") == events(other, "trained", "validated")


def test_ctrl_c_in_the_first_validation_leaves_no_untrained_adapter(
    mlxr: Run, write_recipe: Write, tmp_path: Path, inject: Inject
) -> None:
    inject("validate@1")
    ran = mlxr("train", prepared(mlxr, write_recipe()))
    assert ran.code == 130
    assert "before the first iteration" in ran.out
    assert record(tmp_path)["status"] == "interrupted"
    assert not (the_run(tmp_path) / "adapters.safetensors").exists()


def test_a_broken_model_file_is_told_with_the_log(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    model = float_model(tmp_path / "model")
    recipe = prepared(mlxr, write_recipe(model=model))
    weights = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(weights[:-1000])
    ran = mlxr("train", recipe)
    assert ran.code == 1
    assert "error: Training stopped at iteration 0: RuntimeError" in ran.err
    assert "Traceback" not in ran.err
    assert "Traceback" in (the_run(tmp_path) / "train.log").read_text()
    assert record(tmp_path)["status"] == "error"
    assert_nothing_runs(tmp_path)
    assert mlxr("train", recipe, "--resume").err.startswith("error: Run r/0001 has no checkpoint")


@pytest.mark.parametrize(
    ("fault", "reached"),
    [("raise@5", 4), ("save@4", 4)],  # the files: best, checkpoint; best, checkpoint
)
def test_what_mlx_lm_raises_leaves_the_last_checkpoint(
    mlxr: Run, write_recipe: Write, tmp_path: Path, inject: Inject, fault: str, reached: int
) -> None:
    recipe = write_recipe(
        model=float_model(tmp_path / "model"), iters=8, steps_per_eval=2, learning_rate=2e-3
    )
    prepared(mlxr, recipe)
    inject(fault)
    ran = mlxr("train", recipe)
    assert ran.code == 1
    assert f"stopped at iteration {reached}: RuntimeError: something broke inside" in ran.err
    assert "Traceback" not in ran.err
    assert record(tmp_path)["status"] == "error"
    checkpoints = the_run(tmp_path) / "checkpoints"
    newest = sorted(path.name for path in checkpoints.iterdir())[-1]
    assert newest == ("0000004" if fault == "raise@5" else "0000002")
    assert_loads(checkpoints / newest, tmp_path / "model")
    assert_loads(the_run(tmp_path), tmp_path / "model")
    assert_nothing_runs(tmp_path)


def test_memory_that_ran_out_is_told_with_settings_that_need_less(
    mlxr: Run, write_recipe: Write, tmp_path: Path, inject: Inject
) -> None:
    inject("memory@2")
    recipe = prepared(mlxr, write_recipe(batch_size=4))
    ran = mlxr("train", recipe)
    assert ran.code == 1
    assert "error: Memory ran out. Training stopped at iteration 1" in ran.err
    settings = "train.batch_size = 2, train.grad_accumulation_steps = 2, train.iters = 8"
    assert f"set {settings} in {recipe}, then: mlxr prep {recipe} && mlxr train" in ran.err
    assert record(tmp_path)["status"] == "memory"


def test_a_full_disk_is_told_and_leaves_no_half_checkpoint(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    """A limit on file size stands for it: the optimizer's file is the largest."""
    recipe = write_recipe(iters=4, num_layers=-1)
    prepared(mlxr, add(recipe, "[train.lora_parameters]\nrank = 16\n"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
    try:
        ran = mlxr("train", recipe)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ran.code == 1
    assert "error: The disk is full. Training stopped at iteration 1" in ran.err
    assert "Make room where" in ran.err
    run = the_run(tmp_path)
    assert record(tmp_path)["status"] == "disk"
    assert list((run / "checkpoints").iterdir()) == []
    assert list(run.rglob(".*")) == []
    assert_loads(run)
    assert_nothing_runs(tmp_path)


def test_a_loss_that_is_no_number_names_the_rows(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    """The embedding of one row's token is NaN, so the iteration that meets it is known."""
    model = float_model(tmp_path / "model")
    recipe = prepared(mlxr, write_recipe(model=model, iters=40, batch_size=2))
    rows = list(read_jsonl(tmp_path / "data/r/train.jsonl"))
    lengths = [row["mlxr"]["tokens"] for row in rows]
    batches = epoch_batches(lengths, 2, 42, 0)
    _poison(model, rows, batches[4], [row for batch in batches[:4] for row in batch])
    ran = mlxr("train", recipe, "--set", "train.val_batches=0")
    assert ran.code == 1
    places = [f"rows.jsonl:{rows[i]['mlxr']['row']}" for i in batches[4]]
    assert "Stopped at iteration 5: the loss is no longer a finite number" in ran.err
    assert f"Rows in that batch: {', '.join(sorted(places, key=_number))}" in ran.err
    assert record(tmp_path)["status"] == "nonfinite"
    assert record(tmp_path)["result"]["rows"] == sorted(places, key=_number)
    assert_loads(the_run(tmp_path), model)
    assert "would do so again" in mlxr("train", recipe, "--resume").err


def _number(place: str) -> int:
    return int(place.split(":")[1])


def _poison(model: Path, rows: list[Any], bad: tuple[int, ...], before: list[int]) -> None:
    """Make the embedding of a token NaN that the rows `bad` have and those `before` have not."""
    import mlx.core as mx
    from mlx_lm.utils import load_tokenizer

    tokenizer = load_tokenizer(MODEL)

    def tokens(index: int) -> set[int]:
        return set(tokenizer.apply_chat_template(rows[index]["messages"], return_dict=False))

    clean = set().union(*map(tokens, before))
    token = max(set().union(*map(tokens, bad)) - clean)
    file = str(model / "model.safetensors")
    weights = dict(mx.load(file))
    table = weights["model.embed_tokens.weight"]
    table[token] = float("nan")
    mx.save_safetensors(file, weights | {"model.embed_tokens.weight": table})


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        ("[METAL] Command buffer execution failed: Insufficient Memory", "SIGABRT", "memory"),
        ("(00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)", "SIGABRT", "memory"),
        ("RuntimeError: [malloc_or_wait] Unable to allocate 9 bytes.", "", "memory"),
        ("terminate called after throwing 'std::bad_alloc'", "SIGABRT", "memory"),
        ("", "SIGKILL", "killed"),
        ("OSError: [Errno 28] No space left on device", "", "disk"),
        ("KeyError: 'prompt'", "", "error"),
        ("", "SIGSEGV", "error"),
    ],
)
def test_causes(words: str, name: str, expected: str) -> None:
    assert faults.cause(words, name) == expected


def test_the_last_word_is_the_childs_own() -> None:
    died = Exit(-9, "Loading\nIter 1")
    assert faults.told(Ended("nonfinite", 3, "the loss"), died, 7).reason == "nonfinite"
    assert faults.told(Ended("error", 0, "x: No space left on device"), Exit(1, ""), 7) == Ended(
        "disk", 7, "x: No space left on device"
    )
    assert faults.told(None, died, 7) == Ended(
        "killed", 7, "mlx_lm was ended by SIGKILL; its last words: Iter 1"
    )


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ({"batch_size": 5}, {"batch_size": 2, "grad_accumulation_steps": 2}),
        ({"batch_size": 1}, {"grad_checkpoint": True}),
        ({"batch_size": 1, "grad_checkpoint": True}, {"max_seq_length": 1024}),
    ],
)
def test_settings_that_need_less_memory(train: dict[str, Any], expected: dict[str, Any]) -> None:
    assert faults.lighter(Train.model_validate(train)) == expected


def test_what_is_set_for_less_memory_takes_the_place_of_what_was_given() -> None:
    given = ["train.batch_size=4", "train.grad_checkpoint=false"]
    said = faults.with_less({"grad_checkpoint": True}, "r.toml", given, "plan")
    again = "r.toml --set train.batch_size=4"
    assert said == (
        f"set train.grad_checkpoint = true in r.toml, then: mlxr prep {again} && mlxr plan {again}"
    )


def test_ctrl_c_before_the_child_listens_is_an_interruption_and_no_failure(
    mlxr: Run, write_recipe: Write, tmp_path: Path, inject: Inject
) -> None:
    recipe = prepared(mlxr, write_recipe())
    inject("early@1")
    ran = mlxr("train", recipe)
    assert ran.code == 130
    assert "Interrupted before the first iteration" in ran.out
    assert record(tmp_path)["status"] == "interrupted"
    assert_nothing_runs(tmp_path)
    sweep = mlxr("sweep", recipe, "--grid", "train.learning_rate=1e-3,1e-4", "--by", "loss")
    assert sweep.code == 130
    assert "Interrupted and saved; the same command goes on" in sweep.err
    assert [path.name for path in the_run(tmp_path).parent.glob("0*")] == ["0001", "0002"]
