"""The model to talk to: the chat child, as mlxr sees it."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from mlxr.chat.child import Request, Settings
from mlxr.errors import MlxrError
from mlxr.events import Answered, Ended, Event, Ready, Said
from mlxr.loaded import ArmName
from mlxr.process import Child
from mlxr.trained import Trained


class Partner:
    """A running chat child."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self.failed = False

    def wait(self) -> None:
        """Return when the model is loaded; raises MlxrError when it cannot be."""
        if not isinstance(next(self._heard(), None), Ready):
            raise self._gone("")

    def answer(self, arm: ArmName, ids: Sequence[int], limit: int) -> Iterator[Said | Answered]:
        """Yield an answer of up to `limit` tokens, piece by piece, and how it ended.

        Raises MlxrError when the model is gone.
        """
        self._child.tell(asdict(Request(arm, list(ids), limit)))
        for event in self._heard():
            if isinstance(event, Said | Answered):
                yield event
            if isinstance(event, Answered):
                return
        raise self._gone("")

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Within the block the first Ctrl-C ends the answer; the second raises."""
        with self._child.interruptible([signal.SIGINT]):
            yield

    @property
    def stopped(self) -> bool:
        """Whether Ctrl-C was pressed since `stoppable` began."""
        return self._child.asked

    def _heard(self) -> Iterator[Event]:
        for event in self._child.events():
            if isinstance(event, Ended):
                raise self._gone(event.message)
            yield event

    def _gone(self, message: str) -> MlxrError:
        self.failed = True
        return self._child.failure("The model has ended", message)


@contextmanager
def partner(trained: Trained, stops: list[int], temperature: float, seed: int) -> Iterator[Partner]:
    """Start a model, wait until it is loaded, and end it with the block.

    Its log is kept when it fails. Raises MlxrError when it cannot be loaded.
    """
    settings = Settings(
        model=trained.model,
        adapter=str(trained.adapter.folder),
        trust_remote_code=trained.recipe.trust_remote_code,
        stops=stops,
        temperature=temperature,
        seed=seed,
    )
    handle, name = tempfile.mkstemp(prefix="mlxr-chat-", suffix=".log")
    log = Path(name)
    open(handle, "wb").close()  # noqa: PTH123 - the child opens it by its name
    with Child("mlxr.chat.child", [json.dumps(asdict(settings))], log, hears=True) as child:
        one = Partner(child)
        try:
            one.wait()
            yield one
        finally:
            if not one.failed:
                log.unlink()
