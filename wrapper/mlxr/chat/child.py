"""The chat child: a model in memory that answers what it is asked, until its stdin ends.

    python -m mlxr.chat.child FD SETTINGS

Each line of stdin asks for one answer, in token ids; the answer goes to FD piece by piece.
SIGINT ends an answer, and is of no consequence between two.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from mlxr.events import Answered, Ended, Pipe, Ready, Said
from mlxr.loaded import ArmName, Arms


@dataclass(frozen=True)
class Settings:
    """Which model, and how it chooses its words."""

    model: str
    adapter: str
    """Adapter folder."""
    trust_remote_code: bool
    stops: list[int]
    """Tokens that end an answer, besides the tokenizer's own."""
    temperature: float
    seed: int


@dataclass(frozen=True)
class Request:
    """One answer that is asked for."""

    arm: ArmName
    ids: list[int]
    max_tokens: int


class StoppedError(Exception):
    """The user wants no more of an answer."""


@dataclass
class _Said:
    """What one arm has read and written last, and its cache of it."""

    ids: list[int] = field(default_factory=list)
    cache: Any = None


class Speaker:
    """Answers requests, one after the other."""

    def __init__(self, settings: Settings, pipe: Pipe) -> None:
        import mlx.core as mx
        from mlx_lm.sample_utils import make_sampler

        self._pipe, self._stop = pipe, False
        self._arms = Arms(
            settings.model, settings.adapter, trust_remote_code=settings.trust_remote_code
        )
        for token in settings.stops:
            self._arms.tokenizer.add_eos_token(str(token))
        self._sampler = make_sampler(settings.temperature)
        self._last: dict[str, _Said] = {"base": _Said(), "tuned": _Said()}
        mx.random.seed(settings.seed)
        self._arms.use("tuned")  # read now, so that who waits for it waits here

    def stop(self, *_: object) -> None:
        """End the answer that is being written."""
        self._stop = True

    def answer(self, request: Request) -> None:
        """Write an answer to the pipe."""
        import mlx.core as mx

        self._stop = False
        mx.reset_peak_memory()
        tokens, first, last = 0, 0.0, 0.0
        finish: Literal["stop", "length", "interrupted"] = "interrupted"
        try:
            for response in self._responses(request):
                last = time.perf_counter()
                first, tokens = first or last, tokens + 1
                self._pipe.send(Said(response.text))
                finish = response.finish_reason or finish
                self._check()
        except StoppedError:
            pass
        peak = mx.get_peak_memory() / 1e9
        self._pipe.send(Answered(tokens, len(request.ids), last - first, peak, finish))

    def _responses(self, request: Request) -> Any:
        """Yield what mlx_lm says of each token; a talk that goes on is read from where it was."""
        from mlx_lm import stream_generate
        from mlx_lm.models.cache import make_prompt_cache

        model, said = self._arms.use(request.arm), self._last[request.arm]
        known = len(said.ids)
        if not known or len(request.ids) <= known or request.ids[:known] != said.ids:
            known, said.cache = 0, make_prompt_cache(model)
        said.ids = []  # until this answer is whole, nobody knows what the cache has
        read = list(request.ids)
        for response in stream_generate(
            model,
            self._arms.tokenizer,
            request.ids[known:],
            max_tokens=request.max_tokens,
            sampler=self._sampler,
            prompt_cache=said.cache,
            prompt_progress_callback=self._check,
        ):
            read.append(int(response.token))
            said.ids = read
            yield response

    def _check(self, *_: object) -> None:
        if self._stop or self._pipe.broken:
            raise StoppedError


def main(descriptor: int, settings: Settings) -> None:
    """Answer what stdin asks."""
    pipe = Pipe(descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        speaker = Speaker(settings, pipe)
        signal.signal(signal.SIGINT, speaker.stop)
        pipe.send(Ready())
        for line in sys.stdin:
            speaker.answer(Request(**json.loads(line)))
    except Exception as error:
        pipe.send(Ended("error", 0, f"{type(error).__name__}: {error}"))
        raise


if __name__ == "__main__":
    main(int(sys.argv[1]), Settings(**json.loads(sys.argv[2])))
