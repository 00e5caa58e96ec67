"""`mlxr serve`: a tuned model behind an OpenAI-compatible address."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.chat.prompts import Prompts, drifted, prompts_of
from mlxr.errors import MlxrError
from mlxr.events import Display, Ended, Event, Note, Ready, Step
from mlxr.process import Child
from mlxr.serve.address import Address
from mlxr.trained import Trained, read_trained
from mlxr.workspace import Adapter, Workspace


@dataclass(frozen=True)
class Serving:
    """A server that runs."""

    trained: Trained
    address: Address
    prompts: Prompts
    child: Child
    log: Path

    @property
    def url(self) -> str:
        """What a client takes as its base URL."""
        return f"{self.address.url}/v1"

    @property
    def request(self) -> dict[str, Any]:
        """A request as a client sends it."""
        return {"model": self.trained.name, "messages": self.prompts.example()}

    def wait(self, announce: Callable[[], None]) -> None:
        """Serve until Ctrl-C or SIGTERM, which are heeded by the time it is announced.

        Raises MlxrError when the server ends by itself.
        """
        with self.child.interruptible([signal.SIGINT, signal.SIGTERM]):
            announce()
            ended = [event for event in self.child.events() if isinstance(event, Ended)]
        if not self.child.asked:
            raise _failed(self.child, ended[0] if ended else None)


@contextmanager
def serving(
    adapter: Adapter, workspace: Workspace, address: Address, display: Display
) -> Iterator[Serving]:
    """Start a server, wait until it can be asked, and end it with the block.

    Raises MlxrError when the address is taken, or the model cannot be loaded.
    """
    address.check(f"mlxr serve {adapter.name}")
    log = adapter.run.served(address.port)
    with ExitStack() as stack:
        with display:
            display.show(Step(f"Loading {adapter.name}"))
            trained = read_trained(adapter)
            prompts = prompts_of(trained, workspace)
            if changed := drifted(trained, workspace):
                display.show(Note(changed))
            told = _arguments(trained, address)
            child = stack.enter_context(Child("mlxr.serve.child", told, log, hears=True))
            first = next(child.events(), None)
            if not isinstance(first, Ready):
                raise _failed(child, first)
        yield Serving(trained, address, prompts, child, log)


def _arguments(trained: Trained, address: Address) -> list[str]:
    """Return what the child is told: the names of this model and machine, and mlx_lm's options."""
    names = [trained.name, trained.recipe.name, "default_model"]
    trust = ["--trust-remote-code"] if trained.recipe.trust_remote_code else []
    return [
        json.dumps(names),
        json.dumps(address.names),
        *("--model", trained.model, "--adapter-path", str(trained.adapter.folder)),
        *("--host", address.host, "--port", str(address.port)),
        f"--allowed-origins={','.join(address.origins)}",  # mlx_lm's default lets every page read
        *trust,
    ]


def _failed(child: Child, last: Event | None) -> MlxrError:
    return child.failure("The server has ended", last.message if isinstance(last, Ended) else "")
