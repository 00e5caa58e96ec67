r"""Whether an answer does what an instruction asked: by rules, without a judge.

{"id": "bullets-3", "prompt": "Name three animals. Write exactly three …", "check": "bullets",
 "value": 3, "about": [], "example": "- dog\n- cat\n- owl"}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from mlxr.compare.words import sentences
from mlxr.values import normalise, text_key

_BULLET = re.compile(r"[-*•] +\S.*")
_NUMBERED = re.compile(r"([0-9]+)[.)] +\S.*")
_NUMERAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_WORD = re.compile(r"[^\W\d_]+")
_COMMON = {
    "english": "the a an is of and to in that it for with on as are was you they this be not or",
    "french": "le la les un une des du de et est je il elle qui que dans pour avec ne pas l d j",
    "german": "der die das ein eine und ist ich er sie in den dem mit nicht zu auf für von wir es",
    "spanish": "el la los las un una de y es que en para con por no se su lo como porque del",
}
"""Words that few sentences of a language do without."""


def passes(answer: str, check: str, value: Any, about: Sequence[str] = ()) -> bool:
    """Return whether an answer passes a check and has one of the words that it must be about.

    What a model thought aloud before its answer is left out.
    """
    said = re.sub(r"(?s)^.*</think>", "", answer).strip()
    fits = not about or any(word in normalise(said) for word in about)
    return bool(said) and fits and CHECKS[check](said, value)


def _answer(said: str, value: list[str]) -> bool:
    return text_key(said) in value


def _number(said: str, value: float) -> bool:
    found = _NUMERAL.findall(said)
    return len(found) == 1 and float(found[0]) == value and len(said.split()) <= 4


def _bullets(said: str, value: int) -> bool:
    lines = _lines(said)
    return len(lines) == value and all(_BULLET.fullmatch(line) for line in lines)


def _numbered(said: str, value: int) -> bool:
    found = [match[1] for line in _lines(said) if (match := _NUMBERED.fullmatch(line))]
    return found == [str(place) for place in range(1, value + 1)]


def _commas(said: str, value: int) -> bool:
    parts = [part.strip(" .") for part in said.split(",")]
    plain = all(_WORD.match(part) and len(part.split()) <= 3 for part in parts)
    return "\n" not in said and len(parts) == value and plain


def _sentences(said: str, value: int) -> bool:
    return _prose(said) and len(sentences(said)) == value


def _words(said: str, value: int) -> bool:
    return _prose(said) and len(said.split()) <= value


def _upper(said: str, _: Any) -> bool:
    return bool(_WORD.search(said)) and said == said.upper() and _unstructured(said)


def _lower(said: str, _: Any) -> bool:
    return said == said.lower() and _prose(said)


def _question(said: str, value: int) -> bool:
    return said.endswith("?") and said.count("?") == value and _prose(said)


def _begins(said: str, value: str) -> bool:
    return text_key(said).startswith(value) and _prose(said)


def _ends(said: str, value: str) -> bool:
    return text_key(said).endswith(value) and _prose(said)


def _mentions(said: str, value: list[str]) -> bool:
    return _prose(said) and set(value) <= _vocabulary(said)


def _avoids(said: str, value: list[str]) -> bool:
    return _prose(said) and not set(value) & _vocabulary(said)


def _language(said: str, value: str) -> bool:
    """Its common words are the most frequent, and there are at least two of them."""
    found = [word.casefold() for word in _WORD.findall(said)]
    counts = {name: sum(w in common.split() for w in found) for name, common in _COMMON.items()}
    others = max(count for name, count in counts.items() if name != value)
    return counts[value] >= 2 and counts[value] > others and _unstructured(said)


def _prose(said: str, _: Any = None) -> bool:
    return len(_WORD.findall(said)) >= 4 and _unstructured(said)


CHECKS: dict[str, Callable[[str, Any], bool]] = {
    "answer": _answer,
    "avoids": _avoids,
    "begins": _begins,
    "bullets": _bullets,
    "commas": _commas,
    "ends": _ends,
    "language": _language,
    "lower": _lower,
    "mentions": _mentions,
    "number": _number,
    "numbered": _numbered,
    "prose": _prose,
    "question": _question,
    "sentences": _sentences,
    "upper": _upper,
    "words": _words,
}


def _unstructured(said: str) -> bool:
    """Neither JSON nor code nor a list."""
    if any(mark in said for mark in ("{", "```", "[[", '["')):
        return False
    return not any(_BULLET.fullmatch(line) or _NUMBERED.fullmatch(line) for line in _lines(said))


def _lines(said: str) -> list[str]:
    return [line.strip() for line in said.splitlines() if line.strip()]


def _vocabulary(said: str) -> set[str]:
    return set(_WORD.findall(normalise(said)))
