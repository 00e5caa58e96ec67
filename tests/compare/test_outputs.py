"""Answers are kept: none is generated twice, and an interrupted arm goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import MODEL
from mlxr.compare.arms import Arm, Prompt, Request, run_arm
from mlxr.compare.outputs import Answer, append_batch, append_nll, outputs_key, read_outputs
from mlxr.compare.sample import Output
from mlxr.events import Event, Generated, Silent, Step

HERE = Path("compare")
KEPT = Path("outputs")


class Heard(Silent):
    """A display that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def show(self, event: Event) -> None:
        self.events.append(event)


def request(**changes: int) -> Request:
    prompts = tuple(
        Prompt((*range(50, 60 + i % 5), 7, 8), 10 + i % 5, "two words") for i in range(10)
    )
    settings = {"max_tokens": 6, "batch_size": 4} | changes
    return Request(str(MODEL), False, prompts, settings["max_tokens"], settings["batch_size"])


def asked(heard: Heard | None = None, **changes: int) -> Arm:
    [arm] = run_arm("base", [request(**changes)], None, HERE, KEPT, heard or Heard())
    return arm


def test_the_second_time_no_child_is_started() -> None:
    first = asked()
    (HERE / "base.log").unlink()
    heard = Heard()
    assert asked(heard) == first
    assert not (HERE / "base.log").exists()
    assert heard.events == [Step("Taking the 10 answers of base as they were kept")]
    assert len(list(KEPT.iterdir())) == 1


def test_asked_anew_it_answers_all_again_and_the_same() -> None:
    first = asked()
    heard = Heard()
    [again] = run_arm("base", [request()], None, HERE, KEPT, heard, fresh=True)
    assert Step("Asking base: 10 prompts, answers of up to 6 tokens") in heard.events
    assert sum(isinstance(event, Generated) for event in heard.events) > 0
    assert [o.text for o in again.outputs] == [o.text for o in first.outputs]
    assert len(list(KEPT.iterdir())) == 1


def test_an_interrupted_arm_goes_on_where_it_stopped() -> None:
    whole = asked()
    [path] = KEPT.iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    path.write_bytes(lines[0] + lines[1][: len(lines[1]) // 2])
    heard = Heard()
    again = asked(heard)
    assert untimed(again) == untimed(whole)
    assert [e.done for e in heard.events if isinstance(e, Generated)] == [8, 10]
    assert "4 of them answered before" in next(e.text for e in heard.events if isinstance(e, Step))
    assert path.read_bytes().startswith(lines[0])


def test_a_job_left_half_done_takes_the_answers_that_are_there() -> None:
    asked()
    [path] = KEPT.iterdir()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    heard = Heard()
    asked(heard)
    assert heard.events[0] == Step("Taking the 10 answers of base as they were kept")
    assert not any(isinstance(event, Generated) for event in heard.events)
    assert len(path.read_bytes().splitlines()) == 4


def untimed(arm: Arm) -> list[Output]:
    return [replace(output, decode_seconds=None) for output in arm.outputs]


def test_another_length_or_batch_is_asked_anew() -> None:
    asked()
    asked(max_tokens=5)
    asked(batch_size=5)
    assert len(list(KEPT.iterdir())) == 3


def test_the_key_depends_on_everything_that_an_answer_depends_on(tmp_path: Path) -> None:
    samples, adapter = tmp_path / "s.jsonl", tmp_path / "adapter"
    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    adapter.mkdir()

    def key(rank: int = 8, weights: bytes = b"w", ids: str = "1", length: int = 6) -> str:
        (adapter / "adapter_config.json").write_text(json.dumps({"rank": rank}))
        (adapter / "adapters.safetensors").write_bytes(weights)
        samples.write_text(ids)
        return outputs_key(str(model), adapter, samples, {"max_tokens": length})

    first = key()
    assert first == key()
    found = {first, key(rank=9), key(weights=b"v"), key(ids="2"), key(length=7)}
    found.add(outputs_key(str(model), None, samples, {"max_tokens": 6}))
    with (model / "model.safetensors").open("ab") as stream:
        stream.write(b"0")
    found.add(key())
    (model / "config.json").write_text("{}")
    assert len({*found, key()}) == 8


def test_what_was_appended_is_read_back() -> None:
    path = Path("x.jsonl")
    answers = [Answer("a", [1, 2], "stop", 0.5), Answer("\ud800\u2028", [3], "length", 0.25)]
    assert read_outputs(path).answers == {}
    append_batch(path, [4, 1], answers, 1.5, 0.3)
    append_batch(path, [0], answers[:1], 1.0, 0.2)
    found = read_outputs(path)
    assert found.answers == {4: answers[0], 1: answers[1], 0: answers[0]}
    assert (found.seconds, found.peak_memory, found.tokens, found.nll) == (2.5, 0.3, 5, None)
    append_nll(path, [1.0, None], adapter_changed=True)
    assert read_outputs(path).nll == [1.0, None]
    assert read_outputs(path).adapter_changed is True


@pytest.mark.parametrize("cut", [1, 20])
def test_a_line_that_was_cut_off_is_taken_away(cut: int) -> None:
    path = Path("x.jsonl")
    append_batch(path, [0], [Answer("a", [1], "stop", 0.5)], 1.0, 0.2)
    whole = path.read_bytes()
    append_batch(path, [1], [Answer("b", [1], "stop", 0.5)], 1.0, 0.2)
    path.write_bytes(path.read_bytes()[:-cut])
    assert list(read_outputs(path).answers) == [0]
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "line", ['{"nll": [1', "[]", "{}", '{"places": [1], "answers": [{"a": 1}]}']
)
def test_from_a_damaged_line_on_all_is_taken_away(line: str) -> None:
    path = Path("x.jsonl")
    append_batch(path, [0], [Answer("a", [1], "stop", 0.5)], 1.0, 0.2)
    whole = path.read_bytes()
    path.write_bytes(whole + line.encode() + b"\n" + whole.replace(b"[0]", b"[2]"))
    assert list(read_outputs(path).answers) == [0]
    assert path.read_bytes() == whole
