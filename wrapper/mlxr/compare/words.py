"""Texts as words and sentences: what is new in one, what is copied, which numbers it gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from mlxr.values import normalise

_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]?\s+(?=[A-Z0-9\"'])")
_NUMERAL = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_LATIN = re.compile(r"[a-z0-9\s]")

Run = tuple[str, ...]


def words(text: str) -> list[str]:
    """Return the words of a text, case folded, without punctuation."""
    return re.findall(r"\w+", normalise(text))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text: its lines, each cut after a mark before a capital."""
    lines = (line.strip() for line in text.splitlines())
    return [part.strip() for line in lines if line for part in _SENTENCE.split(line)]


def is_latin(text: str) -> bool:
    """Return whether at least half of the characters are Latin letters, digits or space."""
    lowered = text.lower()
    return 2 * len(_LATIN.findall(lowered)) >= len(lowered)


def runs(of: Sequence[str], size: int) -> list[Run]:
    """Return every run of `size` words, in order."""
    return [tuple(of[i : i + size]) for i in range(len(of) - size + 1)]


def novel(text: Sequence[str], source: Sequence[str], size: int = 3) -> tuple[float, float]:
    """Return how many runs of `size` words the source does not have, and how many there are."""
    known, found = set(runs(source, size)), runs(text, size)
    return float(sum(run not in known for run in found)), float(len(found))


def copied(text: Sequence[str], source: Sequence[str]) -> float:
    """Return the longest stretch of words taken from the source, as a share of the text."""
    if not text:
        return 0.0
    match = SequenceMatcher(None, source, text, autojunk=False).find_longest_match()
    return match.size / len(text)


def unsupported(text: str, source: str) -> tuple[float, float]:
    """Return how many numerals of a text the source does not have, and how many it gives."""
    known, found = set(_numerals(source)), _numerals(text)
    return float(sum(number not in known for number in found)), float(len(found))


def shared_run(text: Sequence[str], known: Iterable[Run], size: int) -> Run | None:
    """Return the first run of `size` words that is among the known ones, as far as it goes on."""
    found, start = set(known) if not isinstance(known, set | frozenset) else known, None
    for i, run in enumerate(runs(text, size)):
        if run in found:
            start = i if start is None else start
        elif start is not None:
            return tuple(text[start : i - 1 + size])
    return None if start is None else tuple(text[start:])


def _numerals(text: str) -> list[str]:
    """The numerals of a text; 1,000 and 1000 are the same, 3.5 and 35 are not."""
    return [re.sub(r",(?=[0-9]{3}(?![0-9]))", "", number) for number in _NUMERAL.findall(text)]
