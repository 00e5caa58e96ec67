"""Where to listen: is it ours to take, and who could reach it?"""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from mlxr.errors import MlxrError


@dataclass(frozen=True)
class Address:
    """A host, as typed, and a port; and who may ask from a browser."""

    host: str
    port: int
    origins: tuple[str, ...] = ()
    """The web origins whose pages may read answers; "*" for all."""

    @property
    def url(self) -> str:
        """The beginning of every address that a client on this machine asks."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def names(self) -> list[str]:
        """What a client on this machine may call it; [] where others can ask, by other names."""
        return ["localhost", "127.0.0.1", "::1", self.host.lower()] if self.local else []

    def check(self, command: str) -> None:
        """Raise MlxrError where nobody can listen there; `command` is what was typed."""
        try:
            code = self._try()
        except socket.gaierror:
            code = errno.EADDRNOTAVAIL
        if code == errno.EADDRINUSE:
            raise MlxrError(f"Port {self.port} is in use.", f"{command} --port {self._next_free()}")
        if code in (errno.EACCES, errno.EPERM):
            raise MlxrError(f"Port {self.port} needs an administrator.", f"{command} --port 8080")
        if code:
            raise MlxrError(f"This machine has no address {self.host!r}.", command)

    def _next_free(self) -> int:
        """Return the first port after this one that can be had, or 8080 where none can."""
        after = (Address(self.host, port) for port in range(self.port + 1, 65536))
        return next((each.port for each in after if not each._try()), 8080)

    def _try(self) -> int:
        """Return 0 where one can listen, else the errno of why not.

        Who listens already is asked first: on a Mac a second one may bind to the same port.
        """
        infos = socket.getaddrinfo(
            self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, place = infos[0]
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            if self.local and client.connect_ex(place) == 0:
                return errno.EADDRINUSE
        with socket.socket(family, socket.SOCK_STREAM) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind(place)
            except OSError as error:
                return error.errno or errno.EADDRNOTAVAIL
        return 0


def check_origins(origins: Sequence[str]) -> tuple[str, ...]:
    """Return web origins as browsers send them; raises MlxrError on what no page comes from.

    Browsers write them in lower case, and leave out the port that is the scheme's own.
    """
    for origin in origins:
        own = re.search(r"^http:.*:80$|^https:.*:443$", origin)
        if own or not re.fullmatch(r"\*|[a-z][a-z0-9+.-]*://[^/?#@,\sA-Z]+", origin):
            raise MlxrError(
                f"--allow-origin: {origin!r} is no origin as a browser sends it: scheme, host and"
                " port in lower case, without a path, and without port 80 or 443.",
                "--allow-origin http://localhost:3000",
            )
    return tuple(origins)
