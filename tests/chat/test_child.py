"""The child: what it reads again and what it does not, and how an answer ends early."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL
from mlxr.chat.child import Request, Settings, Speaker
from mlxr.events import Answered, Event, Pipe, Said
from trained_runs import random_adapter

FIRST = list(range(5, 45))


class Kept(Pipe):
    """A pipe that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(None)
        self.events: list[Event] = []

    def send(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_adapter(tmp_path_factory.mktemp("a") / "adapter", layers=1)


def speaker(weights: Path, temperature: float = 0.0) -> tuple[Speaker, Kept]:
    pipe = Kept()
    # The end token is among the stops; of this random adapter's words none is meant as an end.
    return Speaker(Settings(str(MODEL), str(weights), False, [0], temperature, 7), pipe), pipe


def test_the_model_is_in_memory_before_anything_is_asked(weights: Path) -> None:
    import mlx.core as mx

    before = mx.get_active_memory()
    one, _ = speaker(weights)
    on_disk = sum(path.stat().st_size for path in MODEL.glob("*.safetensors"))
    assert mx.get_active_memory() - before > 0.9 * on_disk
    del one


def said(pipe: Kept) -> str:
    """Return the text of the answer that was sent last, and forget it."""
    text = "".join(event.text for event in pipe.events if isinstance(event, Said))
    pipe.events.clear()
    return text


def test_a_talk_that_goes_on_is_read_from_where_it_was_and_answered_the_same(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlx_lm

    read: list[int] = []
    stock: Any = mlx_lm.stream_generate

    def counting(model: Any, tokenizer: Any, prompt: list[int], **rest: Any) -> Any:
        read.append(len(prompt))
        return stock(model, tokenizer, prompt, **rest)

    monkeypatch.setattr(mlx_lm, "stream_generate", counting)
    one, pipe = speaker(weights)
    one.answer(Request("tuned", FIRST, 12))
    went_on = [*one._last["tuned"].ids, 50, 51]
    assert len(went_on) > len(FIRST) + 2
    pipe.events.clear()
    one.answer(Request("base", went_on, 12))
    base = said(pipe)
    one.answer(Request("tuned", went_on, 12))
    tuned = said(pipe)
    assert read == [len(FIRST), len(went_on), 2]
    fresh, pipe = speaker(weights)
    fresh.answer(Request("tuned", went_on, 12))
    assert said(pipe) == tuned
    fresh.answer(Request("base", went_on, 12))
    assert said(pipe) == base
    fresh.answer(Request("base", FIRST, 12))  # another talk: nothing of it is known
    assert read[-3:] == [len(went_on), len(went_on), len(FIRST)]


def test_an_answer_that_is_stopped_says_so_and_the_next_is_whole(weights: Path) -> None:
    one, pipe = speaker(weights)
    one.answer(Request("tuned", FIRST, 12))
    whole = said(pipe)
    one.stop()  # between two answers: of no consequence
    send = pipe.send

    def stopping(event: Event) -> None:
        send(event)
        if len(pipe.events) == 3:
            one.stop()

    pipe.send = stopping  # type: ignore[method-assign]
    one.answer(Request("tuned", FIRST, 12))
    last = pipe.events[-1]
    assert isinstance(last, Answered)
    assert (last.finish, last.tokens, last.prompt_tokens) == ("interrupted", 3, len(FIRST))
    pipe.send = send  # type: ignore[method-assign]
    pipe.events.clear()
    one.answer(Request("tuned", FIRST, 12))
    assert said(pipe) == whole


def test_chance_follows_the_seed_and_only_at_a_temperature(weights: Path) -> None:
    texts = []
    for temperature in (2.0, 2.0, 0.0):
        one, pipe = speaker(weights, temperature)
        one.answer(Request("tuned", FIRST, 12))
        texts.append(said(pipe))
    assert texts[0] == texts[1] != texts[2]
