"""A Hub on loopback: as much of its HTTP API as fetching and streaming a data set takes.

The paths are those that huggingface_hub asks for: https://huggingface.co/docs/hub/api
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from loopback import Answering, Loopback

Revisions = Mapping[str, Mapping[str, bytes]]
"""Of one data set: a name of each revision, and its files."""

REFUSED = {"gated": (403, "GatedRepo"), "login": (401, "GatedRepo")}
"""Status and X-Error-Code by the end of a data set's name."""


def commit(revision: str) -> str:
    return hashlib.sha1(revision.encode()).hexdigest()


class Hub(Loopback):
    """Serves data sets by their names."""

    def __init__(self, sets: Mapping[str, Revisions]) -> None:
        super().__init__(Handler)
        self.sets = sets
        self.asked: list[str] = []


class Handler(Answering):
    """Answers by three routes: about a revision, its tree, and a file."""

    server: Hub

    def do_GET(self) -> None:  # noqa: N802 - http.server's names
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        name = re.search(r"/datasets/(\w+/[\w-]+)", path)
        if name is None:
            self._refuse("EntryNotFound")
        elif refused := REFUSED.get(name[1].rpartition("/")[2]):
            self._refuse(refused[1], refused[0])
        else:
            self._answer(name[1], path[name.end() :], api=path.startswith("/api/"))

    do_HEAD = do_GET  # noqa: N815 - http.server's names

    def _refuse(self, code: str, status: int = 404) -> None:
        self._send(b"", status, {"X-Error-Code": code})

    def _answer(self, name: str, rest: str, api: bool) -> None:
        revisions = self.server.sets.get(name)
        asked = re.match(r"/(?:revision|tree|resolve)/([^/]+)/?(.*)", rest)
        revision = asked[1] if asked else "main"
        known = {key: key for key in revisions or ()} | {
            commit(key): key for key in revisions or ()
        }
        if revisions is None or revision not in known:
            self._refuse("RepoNotFound" if revisions is None else "RevisionNotFound")
            return
        files = revisions[known[revision]]
        sha = commit(known[revision])
        if not api:
            self._file(files.get(asked[2] if asked else ""), sha)
        elif asked and rest.startswith("/tree"):
            self._json(_entries(files, asked[2]))
        else:
            siblings = [{"rfilename": path} for path in files]
            self._json({"id": name, "sha": sha, "siblings": siblings, "private": False})

    def _file(self, content: bytes | None, sha: str) -> None:
        if content is None:
            self._send(b"", 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha})
            return
        etag = hashlib.sha1(content).hexdigest()
        head = {"X-Repo-Commit": sha, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        part = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if part:
            first, last = int(part[1]), int(part[2] or len(content) - 1)
            last = min(last, len(content) - 1)
            head["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            self._send(content[first : last + 1], 206, head)
        else:
            self._send(content, 200, head)


def _entries(files: Mapping[str, bytes], under: str) -> list[dict[str, object]]:
    """Return the files, and the folders they lie in, below a folder."""
    folders = {path.rpartition("/")[0] for path in files} - {""}
    found: list[dict[str, object]] = [
        {
            "type": "file",
            "path": path,
            "size": len(content),
            "oid": hashlib.sha1(content).hexdigest(),
        }
        for path, content in files.items()
    ]
    found += [
        {"type": "directory", "path": path, "size": 0, "oid": commit(path)} for path in folders
    ]
    return [each for each in found if str(each["path"]).startswith(under)]
