"""The serve child: the stock mlx_lm.server, with one model and no way past it.

    python -m mlxr.serve.child FD NAMES ARGUMENT…

As it stands, mlx_lm.server 0.32.2 takes the `model` of a request for something to load: the
adapter goes with the name "default_model" only, the base's own name gets the base without it, and
any other name is looked for on the Hub. Here NAMES, a JSON list, mean the adapted model, and every
other name is refused. Three names in mlx_lm.server are replaced: the provider of models, the list
of them (it would show the Hub's cache), and the class of the listening socket, to say when it is
ready.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from typing import Any

from mlxr.events import Ended, Pipe, Ready


def main(descriptor: int, names: list[str], arguments: list[str]) -> None:
    """Serve until SIGINT, or until mlxr is gone."""
    from mlx_lm import server

    pipe, loaded = Pipe(descriptor), threading.Event()
    threading.Thread(target=_leave_with_mlxr, daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # mlxr may have been started with &
    server.ModelProvider = _provider(server.ModelProvider, names, pipe, loaded)
    server.APIHandler.handle_models_request = _listing(names[0])
    listen = server._run_http_server
    server._run_http_server = partial(listen, server_class=_announcing(pipe, loaded))
    sys.argv = ["mlx_lm.server", *arguments]
    try:
        server.main()
    except Exception as error:
        _fail(pipe, error)
    pipe.send(Ended("done", 0))
    os._exit(0)  # MLX's threads may abort the interpreter's own way out


def _fail(pipe: Pipe, error: Exception) -> None:
    """Tell why nothing can be served, and end all threads."""
    logging.exception("mlx_lm.server failed")
    pipe.send(Ended("error", 0, f"{type(error).__name__}: {error}"))
    os._exit(1)


def _leave_with_mlxr() -> None:
    """End when mlxr is gone: a server that nobody minds would keep its port."""
    sys.stdin.read()
    os._exit(0)


def _provider(stock: Any, names: list[str], pipe: Pipe, loaded: threading.Event) -> Any:
    """Return mlx_lm.server's provider of models, of which there is one."""

    class OneModel(stock):  # type: ignore[misc]  # a base of unknown type
        def load_default(self) -> None:
            try:
                super().load_default()
            except Exception as error:
                _fail(pipe, error)
            loaded.set()

        def load(self, model: str, adapter: str | None = None, draft: str | None = None) -> Any:
            if model not in names:
                raise ValueError(f"There is no model {model!r} here; it is called {names[0]!r}.")
            if adapter is not None or draft not in (None, "default_model"):
                raise ValueError(f"{names[0]!r} has its adapter: leave out adapters, draft_model.")
            return super().load("default_model", None, "default_model")

    return OneModel


def _listing(name: str) -> Any:
    """Return the answer to /v1/models: the one there is."""

    def handle_models_request(self: Any) -> None:
        model = {"id": name, "object": "model", "created": self.created, "owned_by": "mlxr"}
        self._set_completion_headers(200)
        self.end_headers()
        self.wfile.write(json.dumps({"object": "list", "data": [model]}).encode())

    return handle_models_request


def _announcing(pipe: Pipe, loaded: threading.Event) -> type[ThreadingHTTPServer]:
    """Return a server that says when it listens with a model behind it."""

    class Announcing(ThreadingHTTPServer):
        def serve_forever(self, poll_interval: float = 0.5) -> None:
            loaded.wait()
            pipe.send(Ready())
            super().serve_forever(poll_interval)

    return Announcing


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:])
