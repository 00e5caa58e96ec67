"""Test rows that training has seen, to the letter or nearly, and forms of prompt that it knows.

A model that is asked what it was trained on shows its memory. Valid rows count as seen: weights
are chosen by them. Nearly the same is what prep keeps on one side (near.py); such rows still
stand on both where a source names its own splits.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlxr.compare.record import Record, target_text
from mlxr.files import read_json, sha256, write_json
from mlxr.near import Sketches, words
from mlxr.values import is_null
from mlxr.workspace import Prepared

MANY = 0.02
"""Share of seen test rows above which the verdict leaves them out."""
FORM = 1
"""Raised when a rule here changes, so that what was kept before is not taken."""
_TEST = "test"


@dataclass(frozen=True)
class Leaks:
    """What of the test rows training has seen."""

    n: int
    """Test rows that were looked at."""
    exact: tuple[str, ...]
    """Ids of those whose prompt stands in training, but for case, punctuation and white space."""
    near: tuple[str, ...]
    """Ids of those whose prompt nearly does."""
    answered: int
    """How many of the exact ones have the same expected answer there, too."""
    skeletons: int
    """Test rows whose prompt, without numbers and the values of the answer, stands in training."""

    @property
    def ids(self) -> frozenset[str]:
        """All that were seen."""
        return frozenset((*self.exact, *self.near))

    @property
    def share(self) -> float:
        """Their share of the test rows."""
        return len(self.ids) / self.n if self.n else 0.0

    @property
    def many(self) -> bool:
        """Whether the verdict must do without them."""
        return self.share > MANY

    def flag(self, name: str) -> tuple[str, ...]:
        """Return how a sample is marked that was seen; nothing for any other."""
        seen = {"seen_exactly": self.exact, "seen_nearly": self.near}
        return tuple(mark for mark, ids in seen.items() if name in ids)


def kept_leaks(prepared: Prepared, data: str, asked: Collection[str], folder: Path) -> Leaks:
    """Return the leaks of prepared data, whose hash is `data`: looked for once, kept in `folder`.

    Of the test rows only those `asked` count, by their ids.
    """
    path = folder / f"leaks-{sha256([FORM, data, sorted(asked)])}.json"
    if path.is_file():
        found = read_json(path)
        return Leaks(**found | {kind: tuple(found[kind]) for kind in ("exact", "near")})
    known = [prepared.split("train"), prepared.split("valid")]
    leaks = find_leaks(known, prepared.split(_TEST), asked)
    write_json(path, asdict(leaks))
    return leaks


def find_leaks(known: Sequence[Path], test: Path, asked: Collection[str] | None = None) -> Leaks:
    """Return which rows of `test`, or which of those `asked`, the files `known` have as well."""
    with closing(_Rows(test, known, asked)) as rows:
        return _found(rows, _text_of(rows))


def _found(rows: _Rows, text_of: Callable[[Record], str]) -> Leaks:
    sketches, forms, answers = Sketches(), [], []
    for record in rows:
        prompt, answer = text_of(record), target_text(record)
        sketches.add(prompt)
        forms.append(_digest(skeleton(prompt, answer)))
        answers.append(_digest(answer))
    groups = sketches.groups(lambda index: text_of(rows[index]))
    keys = [sketches.key(index) for index in range(len(groups))]
    n = rows.tests
    pairs = set(zip(keys[n:], answers[n:], strict=True))
    known_keys, known_groups, known_forms = set(keys[n:]), set(groups[n:]), set(forms[n:])
    exact = [i for i in range(n) if keys[i] in known_keys]
    near = [i for i in range(n) if groups[i] in known_groups and keys[i] not in known_keys]
    ids = [rows[i]["mlxr"]["id"] for i in range(n)]
    return Leaks(
        n=n,
        exact=tuple(ids[i] for i in exact),
        near=tuple(ids[i] for i in near),
        answered=sum((keys[i], answers[i]) in pairs for i in exact),
        skeletons=sum(form in known_forms for form in forms[:n]),
    )


def skeleton(prompt: str, answer: str) -> str:
    """Return a prompt's form: numbers are 0, and what stands in the answer is its field's name.

    "Chess with Ada at 9" with {"who": "Ada"} is "chess with <who> at 0".
    """
    text = f" {' '.join(words(prompt))} "
    for name, value in sorted(_values(answer), key=lambda pair: -len(pair[1])):
        text = text.replace(f" {value} ", f" <{name}> ")
    return re.sub(r"[0-9]+", "0", text).strip()


def _values(answer: str) -> Iterator[tuple[str, str]]:
    """What an answer says, each with the name of its field, in words."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        found = answer
    for name, value in _leaves(found, "answer"):
        if not is_null(value) and not isinstance(value, bool) and (said := words(str(value))):
            yield name, " ".join(said)


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    else:
        yield name, value


def _text_of(rows: _Rows) -> Callable[[Record], str]:
    """Return what a prompt is known by.

    That is what users and tools say, as in prep; but where most rows say the same there, the
    system message tells them apart.
    """
    said = {_said(rows[i]) for i in range(rows.tests)}
    return _said if 2 * len(said) > rows.tests else _whole


def _said(record: Record) -> str:
    return _joined(m for m in record["messages"][:-1] if m["role"] != "system")


def _whole(record: Record) -> str:
    return _joined(record["messages"][:-1])


def _joined(messages: Any) -> str:
    return "\n".join(str(message["content"] or "") for message in messages)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


class _Rows:
    """The records of several files, test first: not held, but read again where one is asked for."""

    def __init__(self, test: Path, known: Sequence[Path], asked: Collection[str] | None) -> None:
        paths = [test, *(path for path in known if path.is_file())]
        self._streams = [path.open("rb") for path in paths]
        self._starts: list[tuple[int, int]] = []
        for place, stream in enumerate(self._streams):
            start = 0
            for line in stream:
                if place or asked is None or json.loads(line)["mlxr"]["id"] in asked:
                    self._starts.append((place, start))
                start += len(line)
            if place == 0:
                self.tests = len(self._starts)

    def __getitem__(self, index: int) -> dict[str, Any]:
        place, start = self._starts[index]
        self._streams[place].seek(start)
        record: dict[str, Any] = json.loads(self._streams[place].readline())
        return record

    def close(self) -> None:
        """Close the files."""
        for stream in self._streams:
            stream.close()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[index] for index in range(len(self._starts)))
