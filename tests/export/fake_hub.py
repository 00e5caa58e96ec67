"""A Hub on loopback that takes models: as much of its HTTP API as a push asks for.

The paths are those that huggingface_hub asks for: https://huggingface.co/docs/hub/api
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

TOKEN = "hf_" + "t" * 34


class Hub(ThreadingHTTPServer):
    """Keeps what is pushed to it, and for whom it was made."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.private: dict[str, bool] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.writable = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Answers who asks, makes repositories, and takes commits."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._json({"error": "Invalid credentials"}, 401)
        elif path == "/api/whoami-v2":
            self._json({"type": "user", "name": "me", "orgs": [{"name": "ours"}]})
        else:
            name = path.removeprefix("/api/models/").split("/revision/")[0]
            self._model(name)

    def _model(self, name: str) -> None:
        if name in self.server.private:
            private = self.server.private[name]
            self._json({"id": name, "sha": "0" * 40, "private": private, "siblings": []})
        else:
            self._json({"error": "none"}, 404, {"X-Error-Code": "RepoNotFound"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        found = re.fullmatch(r"/api/models/([\w-]+/[\w-]+)/(preupload|commit)/main", path)
        if path == "/api/repos/create" and not self.server.writable:
            self._json({"error": "no write permission"}, 403)
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif found and found[2] == "preupload":
            names = [file["path"] for file in json.loads(body)["files"]]
            files = [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]
            self._json({"files": files})
        elif found:
            self._commit(found[1], body)
        else:
            self._json({"errors": [], "warnings": []})  # the check of the front matter

    def _create(self, wanted: dict[str, Any]) -> None:
        name = f"{wanted.get('organization') or 'me'}/{wanted['name']}"
        hidden = wanted.get("private") or wanted.get("visibility") == "private"
        self.server.private.setdefault(name, bool(hidden))
        self._json({"url": f"{self.server.url}/{name}", "id": name, "name": name})

    def _commit(self, name: str, body: bytes) -> None:
        lines = [json.loads(line) for line in body.splitlines()]
        taken = self.server.files.setdefault(name, {})
        for value in (line["value"] for line in lines if line["key"] == "file"):
            taken[value["path"]] = base64.b64decode(value["content"])
        url = f"{self.server.url}/{name}/commit/{'0' * 40}"
        self._json({"commitUrl": url, "commitOid": "0" * 40, "success": True})

    def _json(self, value: object, status: int = 200, more: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        head = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        for key, text in {**head, **(more or {})}.items():
            self.send_header(key, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Hub]:
    """Yield the Hub, up until the block ends."""
    with Hub() as hub:
        thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
