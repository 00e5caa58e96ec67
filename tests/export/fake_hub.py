"""A Hub on loopback that takes models: as much of its HTTP API as a push asks for.

The paths are those that huggingface_hub asks for: https://huggingface.co/docs/hub/api
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import urlsplit

from loopback import Answering, Loopback

TOKEN = "hf_" + "t" * 34


class Hub(Loopback):
    """Keeps what is pushed to it, and for whom it was made."""

    def __init__(self) -> None:
        super().__init__(Handler)
        self.private: dict[str, bool] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.writable = True


class Handler(Answering):
    """Answers who asks, makes repositories, and takes commits."""

    server: Hub

    def do_GET(self) -> None:  # noqa: N802 - http.server's names
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

    def do_POST(self) -> None:  # noqa: N802 - http.server's names
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
