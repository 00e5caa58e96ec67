"""Reading and writing: JSON, JSON Lines, atomic replacement, fingerprints."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mlxr.errors import MlxrError, first_line


@contextmanager
def atomic(path: Path) -> Iterator[IO[str]]:
    """Yield a text stream whose content replaces `path` only when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as stream:  # noqa: PTH123 - a descriptor
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with atomic(path) as stream:
        stream.write(text)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON; raises ValueError on NaN and infinities."""
    write_text(path, _json(value, indent=2) + "\n")


def json_line(value: object) -> str:
    r"""Return `value` as one line of JSON, keys in their given order.

    A lone surrogate, which UTF-8 cannot hold, keeps its \u escape.
    """
    return _json(value)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _json(value: object, indent: int | None = None) -> str:
    if indent is None:
        text = _encode(value)
    else:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value, allow_nan=False, indent=indent)
    return text


def write_jsonl(path: Path, values: Iterable[object]) -> None:
    """Write one JSON value a line, whole or not at all."""
    with atomic(path) as stream:
        for value in values:
            stream.write(json_line(value) + "\n")


_AGAIN = "Put it back, or run the command again that writes it."


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`; raises MlxrError naming the place where it breaks."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MlxrError(f"{path} does not exist.", _AGAIN) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise MlxrError(f"{path} is not readable as JSON: {error}.", _AGAIN) from None


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Within the block a part of the JSON in `path` that is missing or odd is a MlxrError."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        said = f"{path} is not as mlxr wrote it: {type(error).__name__}, {first_line(error)}."
        raise MlxrError(said, _AGAIN) from error


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of `path`; raises MlxrError naming file and line."""
    return (value for _, value in numbered_jsonl(path))


def numbered_jsonl(path: Path, *, growing: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number (from 1) and object of each line of `path` that is not blank.

    Of a `growing` file a last line that has no end yet is left out. Raises MlxrError naming file
    and line.
    """
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip() or (growing and not line.endswith(b"\n")):
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                said = f"{path}:{number} is not JSON: {error}."
                raise MlxrError(said, "Mend that line: one JSON object a line.") from None
            if not isinstance(value, dict):
                said = f"{path}:{number} is not a JSON object."
                raise MlxrError(said, 'Mend that line: {"column": value, …}')
            yield number, value


def replace_file(source: Path, target: Path) -> None:
    """Copy `source` over `target`, whole or not at all."""
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256(value: object) -> str:
    """Return the SHA-256 of a JSON value in canonical form (sorted keys), in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def hold(stream: IO[bytes] | int) -> bool:
    """Lock an open file, or folder, for as long as it, or a child's copy of it, stays open.

    Returns False when another process holds it. The lock goes with the last process that has
    the file open, however that ends; a number in a file could be another process's by then.
    """
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def held(path: Path) -> bool:
    """Tell whether a process holds the file (see `hold`); so it is where that is unknown."""
    import fcntl

    if not path.is_file():
        return False
    with path.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def wait_for(path: Path) -> None:
    """Return when no process holds the file any more (see `hold`)."""
    while held(path):
        time.sleep(LOOK)


LOOK = 0.2
"""Seconds between two looks at what another process holds."""
