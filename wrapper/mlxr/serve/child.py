"""The serve child: the stock mlx_lm.server, with one model and no way past it.

    python -m mlxr.serve.child FD NAMES HOSTS ARGUMENT…

As it stands, mlx_lm.server 0.32.2 takes the `model` of a request for something to load: the
adapter goes with the name "default_model" only, the base's own name gets the base without it, and
any other name is looked for on the Hub. Here NAMES, a JSON list, mean the adapted model, and every
other name is refused. So is whoever calls the machine by a name that is not among HOSTS: a page
whose domain is made to point here could else read answers as its own. Two names in mlx_lm.server
are replaced by what builds on them: the provider of models, which gives the one there is, and the
function that listens, which is handed a class to say when all is ready, and one to read requests.
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
from urllib.parse import urlsplit

from mlxr.ending import leave_with_mlxr
from mlxr.events import Ended, Pipe, Ready


def main(descriptor: int, names: list[str], hosts: list[str], arguments: list[str]) -> None:
    """Serve until SIGINT, or until mlxr is gone."""
    from mlx_lm import server

    pipe, loaded = Pipe(descriptor), threading.Event()
    leave_with_mlxr()  # a server that nobody minds would keep its port
    signal.signal(signal.SIGINT, signal.default_int_handler)  # mlxr may have been started with &
    server.ModelProvider = _provider(server.ModelProvider, pipe, loaded)
    server._run_http_server = partial(
        server._run_http_server,
        server_class=_announcing(pipe, loaded),
        handler_class=_handler(server.APIHandler, names, hosts, pipe),
    )
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


def _provider(stock: Any, pipe: Pipe, loaded: threading.Event) -> Any:
    """Return mlx_lm.server's provider of models, of which there is one."""

    class OneModel(stock):  # type: ignore[misc]  # a base of unknown type
        def load_default(self) -> None:
            try:
                super().load_default()
            except Exception as error:
                _fail(pipe, error)
            loaded.set()

        def load(self, *_: Any) -> Any:
            return super().load("default_model", None, "default_model")

    return OneModel


def _handler(stock: Any, names: list[str], hosts: list[str], pipe: Pipe) -> Any:
    """Return mlx_lm.server's reader of requests, which refuses those for another model or host.

    Without `hosts` it may be called anything.
    """

    class Handler(stock):  # type: ignore[misc]  # a base of unknown type
        def parse_request(self) -> bool:
            if not super().parse_request():
                return False
            called = self.headers.get("Host")
            if not hosts or called is None or urlsplit(f"//{called}").hostname in hosts:
                return True
            self._write(403, {"error": {"message": f"This is not {called}.", "code": "host"}})
            return False

        def handle_completion(self, request: Any, stop_words: Any) -> None:
            if refusal := self._refusal():
                self._write(404, {"error": {"message": refusal, "code": "model_not_found"}})
            elif not _are_words(stop_words):
                said = "stop must be a text, or a list of texts that are not empty."
                self._write(400, {"error": {"message": said, "code": "invalid_stop"}})
            else:
                super().handle_completion(request, stop_words)
            if not self.response_generator.generation_available():
                _fail(pipe, RuntimeError("mlx_lm.server can write no more answers"))

        def _refusal(self) -> str:
            if self.requested_model not in names:
                return f"There is no model {self.requested_model!r}: it is called {names[0]!r}."
            if self.adapter is not None or self.requested_draft_model != "default_model":
                return f"{names[0]!r} has its adapter: leave out adapters and draft_model."
            return ""

        def handle_models_request(self) -> None:
            """List the one model; the stock server would list the Hub's cache."""
            model = {"id": names[0], "object": "model", "created": self.created}
            self._write(200, {"object": "list", "data": [{**model, "owned_by": "mlxr"}]})

        def _write(self, status: int, document: dict[str, Any]) -> None:
            self._set_completion_headers(status)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

    return Handler


def _are_words(stop_words: Any) -> bool:
    """Tell whether a request's stop words are what mlx_lm.server's thread survives."""
    return isinstance(stop_words, list) and all(isinstance(w, str) and w for w in stop_words)


def _announcing(pipe: Pipe, loaded: threading.Event) -> type[ThreadingHTTPServer]:
    """Return a server that says when it listens with a model behind it."""

    class Announcing(ThreadingHTTPServer):
        def serve_forever(self, poll_interval: float = 0.5) -> None:
            loaded.wait()
            pipe.send(Ready())
            super().serve_forever(poll_interval)

        def shutdown(self) -> None:
            """Wait for nothing: Ctrl-C has ended the loop, which runs in the thread that asks.

            The stock one waits for ever where that came before the loop began.
            """

    return Announcing


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4:])
