"""How several ranks are started: on this machine by mlxr itself, on several by mlx.launch.

mlx.launch ends with code 0 whatever happened and keeps a processor busy with waiting (mlx
0.32), so that it is used only where it must be.
"""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mlxr.errors import MlxrError
from mlxr.files import read_json, write_json


@dataclass(frozen=True)
class Ranks:
    """How many processes train together, and where."""

    count: int = 1
    hosts: str | None = None
    """Host file of mlx.launch; None is this machine."""

    @property
    def launcher(self) -> list[str]:
        """Return the command that starts a command on each host; [] without hosts."""
        if self.hosts is None:
            return []
        named = [word for pair in ENVIRONMENT for word in ("--env", pair)]
        return [sys.executable, "-c", LAUNCH, "--hostfile", self.hosts, *named, "--"]


LAUNCH = "from mlx._distributed_utils.launch import main; main()"
"""The command mlx.launch, of this interpreter wherever it is installed."""
ENVIRONMENT = ("PYTHONUTF8=1", "PYTHONUNBUFFERED=1", "COLUMNS=200")
"""What a child on another host needs, as in process.environment."""


def on_hosts(file: Path) -> Ranks:
    """Return a rank for each host of mlx.launch's host file: a list, or a table with "hosts".

    Raises MlxrError when the file names none.
    """
    hint = 'It is a JSON list: [{"ssh": "mac1", "ips": ["10.0.0.1"]}, …]; see mlx.launch --help.'
    if not file.is_file():
        raise MlxrError(f"--hosts: {file} does not exist.", hint)
    document = read_json(file)
    hosts = document.get("hosts") if isinstance(document, dict) else document
    if not isinstance(hosts, list) or not hosts:
        raise MlxrError(f"--hosts: {file} names no host.", hint)
    return Ranks(len(hosts), str(file.resolve()))


def ring(count: int, file: Path) -> list[dict[str, str]]:
    """Return what each of `count` ranks on this machine has in its environment.

    MLX's ring backend takes from there its rank and `file`, which gets everybody's address.
    """
    if count == 1:
        return [{}]
    write_json(file, [[f"127.0.0.1:{port}"] for port in _free_ports(count)])
    return [{"MLX_RANK": str(rank), "MLX_HOSTFILE": str(file)} for rank in range(count)]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in taken]
