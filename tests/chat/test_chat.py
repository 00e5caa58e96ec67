"""One question: with the real model, and with the mistakes people make."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Ran
from mlxr.chat.partner import Partner, partner
from mlxr.chat.prompts import prompts_of
from mlxr.chat.session import Dialogue
from mlxr.chat.talk import Talk
from mlxr.compare.stage import compare
from mlxr.errors import MlxrError
from mlxr.events import Answered, Said, Silent
from mlxr.files import read_jsonl
from mlxr.loaded import ARMS
from mlxr.trained import Trained, read_trained
from mlxr.workspace import Adapter, Run, Workspace
from trained_runs import make_run, sayings

Do = Callable[..., Ran]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of 30 iterations: tuned answers otherwise than base."""
    root = tmp_path_factory.mktemp("made")
    return make_run(root, sayings(60), iters=30, learning_rate=3e-3, batch_size=4)


@pytest.fixture
def run(made: Run, tmp_path: Path) -> Run:
    """That run, in the folder of this test, for it to spoil."""
    shutil.copytree(made.folder.parents[2], tmp_path, dirs_exist_ok=True)
    return Run(tmp_path / "adapters/r/0001")


class Nowhere:
    """A view that shows nothing."""

    def show(self, arm: str, event: Said | Answered) -> None: ...


@pytest.fixture(scope="module")
def loaded(made: Run) -> Iterator[tuple[Trained, Partner]]:
    """The run's model, waiting to be asked."""
    trained = read_trained(Adapter(made))
    prompts = prompts_of(trained, Workspace(made.folder.parents[2]))
    with partner(trained, prompts.stops(), 0.0, 42) as model:
        yield trained, model


def test_answers_are_those_that_compare_has_judged(
    loaded: tuple[Trained, Partner], made: Run
) -> None:
    trained, model = loaded
    workspace = Workspace(made.folder.parents[2])
    prompts = prompts_of(trained, workspace)
    compare(Adapter(made), workspace, Silent())
    samples = list(read_jsonl(made.compare / "samples.jsonl"))[:10]
    tests = list(read_jsonl(workspace.prepared("r").split("test")))[:10]
    assert [sample["id"] for sample in samples] == [row["mlxr"]["id"] for row in tests]
    dialogue = Dialogue(model, prompts, Talk(False), 64)
    same, differs = 0, 0
    for sample, row in zip(samples, tests, strict=True):
        question = prompts.question(row["messages"][0]["content"])
        said = {arm: dialogue.reply(question, arm, Nowhere()) for arm in ARMS}
        assert said["tuned"].cost.prompt_tokens == row["mlxr"]["offset"]
        assert "<|end|>" not in said["tuned"].text
        assert len(said["tuned"].text) > 3
        same += sum(said[arm].text == sample[arm]["output"] for arm in said)
        differs += said["base"].text != said["tuned"].text
    assert len(samples) == 10
    assert same >= 19  # alone and in a batch, greedy answers may part at a near-tie
    assert differs >= 9


def test_one_question_prints_the_answer_and_nothing_else_on_stdout(mlxr: Do, run: Run) -> None:
    ran = mlxr("chat", "r/0001", "Say", "7", "--max-tokens", "5")
    assert ran.code == 0, ran.err
    assert ran.out.strip()
    assert len(ran.out.splitlines()) == 1
    assert "tuned · " in ran.err
    assert "MB" in ran.err
    assert not list(run.folder.glob("*chat*"))


def test_stdin_is_one_question_and_json_has_everything(
    mlxr: Do, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Say 7\n"))
    ran = mlxr("chat", "--both", "--json", "--max-tokens", "3")
    assert ran.code == 0, ran.err
    assert ran.err == ""
    document = json.loads(ran.out)
    assert document["run"] == "r/0001"
    assert [answer["arm"] for answer in document["answers"]] == ["base", "tuned"]
    for answer in document["answers"]:
        assert answer.keys() == {
            "arm", "text", "finish", "prompt_tokens", "tokens", "tokens_per_second", "peak_memory",
        }  # fmt: skip
        assert answer["tokens"] <= 3
        assert 0 < answer["peak_memory"] < 1


def test_a_question_where_the_run_belongs_is_told_so(mlxr: Do, run: Run) -> None:
    ran = mlxr("chat", "Who are you?")
    assert ran.code == 1
    assert "There is no run 'Who are you?'." in ran.err
    assert "The run comes first: mlxr chat r/0001 'Who are you?'" in ran.err


def test_nothing_to_ask_is_an_error_before_anything_is_loaded(
    mlxr: Do, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    ran = mlxr("chat")
    assert ran.code == 1
    assert "There is no question." in ran.err
    assert "Loading" not in ran.err


def test_without_a_run_the_way_to_one_is_named(mlxr: Do) -> None:
    ran = mlxr("chat", "--json")
    assert ran.code == 1
    assert "There is no run here yet." in ran.err
    assert "mlxr train RECIPE" in ran.err


def test_a_base_or_a_template_that_is_gone_is_named(mlxr: Do, run: Run, tmp_path: Path) -> None:
    record = json.loads(run.record.read_text())
    template = tmp_path / "t.jinja"
    record["recipe"]["data"]["template"] = str(template)
    run.record.write_text(json.dumps(record))
    template.unlink()
    ran = mlxr("chat", "r/0001", "x")
    assert ran.code == 1
    assert "t.jinja" in ran.err
    record["recipe"]["model"] = str(tmp_path / "gone")
    run.record.write_text(json.dumps(record))
    ran = mlxr("chat", "r/0001", "x")
    assert ran.code == 1
    assert (
        f"The base model of run r/0001 is gone: there is no folder {tmp_path / 'gone'}" in ran.err
    )


def test_a_template_that_changed_since_is_pointed_out(mlxr: Do, run: Run, tmp_path: Path) -> None:
    record = json.loads(run.record.read_text())
    template = tmp_path / "t.jinja"
    record["recipe"]["data"]["template"] = str(template)
    run.record.write_text(json.dumps(record))
    template.write_text(template.read_text().replace("{{ question }}", "Q: {{ question }}"))
    ran = mlxr("chat", "r/0001", "x", "--max-tokens", "1")
    assert ran.code == 0, ran.err
    assert "t.jinja is no longer as it was when this was trained." in ran.err


def test_a_model_that_cannot_be_loaded_is_explained_and_its_log_kept(mlxr: Do, run: Run) -> None:
    (run.folder / "adapter_config.json").write_text('{"num_layers": 99, "lora_parameters": {}}')
    ran = mlxr("chat", "r/0001", "x")
    assert ran.code == 1
    assert "The model has ended: " in ran.err
    assert "Traceback" not in ran.err
    log = Path(ran.err.split("The whole log: ")[1].strip())
    assert "Traceback" in log.read_text()
    log.unlink()


def test_a_model_that_dies_is_an_error(made: Run) -> None:
    trained = read_trained(Adapter(made))
    prompts = prompts_of(trained, Workspace(made.folder.parents[2]))
    with partner(trained, prompts.stops(), 0.0, 1) as model:
        model._child.kill()
        with pytest.raises(MlxrError, match="The model has ended: SIGTERM") as caught:
            list(model.answer("tuned", [5, 6, 7], 100))
    assert model.failed
    Path(caught.value.hint.split(": ")[1]).unlink()
