"""Whether a target value stands in a prompt: generous about its form, strict about its substance.

"02/11/2024" stands in "on 2nd, Nov 2024", "9:00 PM" in "at 9pm", 1000000 in "1 million", and
"office studio" in "the studio at the office". "Anna" does not stand in "Annabel".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, time
from fractions import Fraction
from functools import cached_property
from typing import Any

from mlxr.prep.audit.quantities import (
    durations,
    is_computed,
    is_day_in,
    is_year,
    moment,
    number_text,
    numbers,
    times,
)
from mlxr.values import is_null, normalise, parse_duration

NULL, FREE, FOUND, COMPUTABLE, MISSING, UNOFFERED = range(6)
"""What a value is to its prompt, from good to bad.

FREE: not expected to stand there, or nobody can say (true, 0, a code such as EUR, "next week"
resolved to a day, a paraphrase most of whose words stand there). COMPUTABLE: it stands nowhere,
but may follow from what does (a number, prose); whether it should have been copied, only the
other rows can tell. UNOFFERED: a call of none of the tools on offer.
"""

_ESCAPE = re.compile(
    r"\\+u([0-9a-cA-C][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}|[eEfF][0-9a-fA-F]{3})"
)
"""A character as JSON may write it, surrogates aside."""
_WORD = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_PIECE = re.compile(r"[0-9]+|[^\W\d_]+")
_ABBREVIATION = re.compile(r"\b(?:(?!hrs)[b-df-hj-np-tv-xz]{3,6}\b|[a-z]{3,6}\.)")
_ABBREVIATIONS = 100
"""Abbreviations of a prompt that are tried."""
_QUANTITY = re.compile(r"[0-9]|noon|midnight|\b(?:hours?|minutes?|days?|weeks?)\b")
_NUMBER = re.compile(r"[-+$€£]?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)? ?%?")
_CODE = re.compile(r"[a-z]{1,3}|[A-Z]{2,5}|[a-z]{2}[-_][A-Z]{2}")
"""Languages, countries, currencies, tickers, asc and desc: known, not read."""
_RELATIVE = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|current\w*|next|last|past|this|coming|upcoming|ago"
    r"|later|week\w*|month\w*|year\w*|days?|(?:mon|tues|wednes|thurs|fri|satur|sun)day|eve)\b"
)
_PART_OF_DAY = re.compile(
    r"\b(?:now|early|late|morning|midday|afternoon|evening|(?:to)?night|breakfast|lunch\w*|dinner"
    r"|after|before|hours?|minutes?|o'clock|past|open\w*|clos\w*|end|start)\b"
)
_VAGUE = re.compile(
    r"\b(?:few|couple|full|solid|good|half|quarter|whole|entire|all|days?|night|weeks?|until|till)\b"
)
_STOP = frozenset(
    "a an the of at in on and or to for with by from my our your his her their its this that is are"
    " s as it be http https www".split()
)
_ENDINGS = ("'s", "ing", "ies", "es", "ed", "ly", "er", "s", "y", "e")
_SUBSTRING = 6
"""ASCII letters from which a value may stand inside a longer word."""
_SPACED = 12
"""ASCII letters from which a value may stand there with other spaces."""
_PROSE = 8
"""Words from which a value is prose: composed, not copied."""
_SHORT = 60
"""Characters of the longest date, time or duration."""


class Prompt:
    """A prompt to look values up in; what a look-up needs is made when first needed."""

    def __init__(self, text: str) -> None:
        if "\\u" in text:
            text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        self.plain = normalise(text)
        self._mentioned: dict[re.Pattern[str], bool] = {}

    @cached_property
    def squeezed(self) -> str:
        """The text without white space, quotes and backslashes."""
        return squeeze(self.plain)

    @cached_property
    def _words(self) -> frozenset[str]:
        word = _ASCII_WORD if self.plain.isascii() else _WORD
        return frozenset(word.findall(self.plain))

    @cached_property
    def _pieces(self) -> frozenset[str]:
        """The runs of letters and of digits: "45min" is two."""
        mixed = [word for word in self._words if not (word.isalpha() or word.isdecimal())]
        return self._words.union(_PIECE.findall(" ".join(mixed)))

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(map(_stem, self._pieces))

    @cached_property
    def _numbers(self) -> frozenset[str]:
        return numbers(self.plain, self._pieces)

    @cached_property
    def _abbreviations(self) -> list[str]:
        """Words without vowels, and words that end in a full stop with it."""
        return sorted(set(_ABBREVIATION.findall(self.plain)))[:_ABBREVIATIONS]

    @cached_property
    def _has_year(self) -> bool:
        return any(map(is_year, self._numbers))

    @cached_property
    def _times(self) -> frozenset[time]:
        return times(self.plain)

    @cached_property
    def _durations(self) -> frozenset[Fraction]:
        return durations(self.plain)

    def state(self, value: Any, plain: str) -> int:
        """Return NULL, FREE, FOUND, COMPUTABLE or MISSING for a leaf of an answer.

        `plain` is its text, normalised.
        """
        if len(plain) < 5 and is_null(value):
            return NULL
        if isinstance(value, bool | dict | list):
            return FREE
        if self.has(plain):
            return FOUND
        if isinstance(value, int | float):
            return self._number(value)
        return self._text(str(value), plain)

    def _number(self, value: float) -> int:
        digits = number_text(value)
        if digits in ("0", "1", ""):  # flags, offsets, NaN
            return FREE
        if digits in self._numbers:
            return FOUND
        if (when := moment(digits)) and when[0]:
            return self._day(when[0])
        return FREE if is_computed(digits, self._numbers) else COMPUTABLE

    def _text(self, value: str, plain: str) -> int:
        words = _WORD.findall(plain)
        if not words:
            return FREE
        state = self._quantity(value, plain) if len(value) <= _SHORT else None
        if state is not None:
            return state
        if self._inside(plain) or self._has_all(words):
            return FOUND
        return FREE if _CODE.fullmatch(value) else self._by_words(plain)

    def _has_all(self, words: list[str]) -> bool:
        return all(word in self.plain for word in words) and self._words.issuperset(words)

    def has(self, plain: str) -> bool:
        """Return whether a normalised text stands in the prompt between word borders."""
        text, size, at = self.plain, len(plain), -1
        for _ in range(8):
            at = text.find(plain, at + 1)
            if at < 0:
                return False
            if not (text[at - 1 : at].isalnum() or text[at + size : at + size + 1].isalnum()):
                return True
        return False

    def _inside(self, plain: str) -> bool:
        """Return whether it stands there with other spaces, or in a script that has none."""
        if len(plain) >= _SUBSTRING and plain in self.plain:
            return True
        bare = squeeze(plain)
        return (len(bare) >= _SPACED or not bare.isascii()) and bare in self.squeezed

    def _quantity(self, value: str, plain: str) -> int | None:
        """Return the state of a number, day, time or duration; None for any other text."""
        if not _QUANTITY.search(plain):
            return None
        if when := moment(value):
            days, clock = when
            states = [self._day(days)] if days else []
            return max(states + ([] if clock is None else [self._clock(clock)]))
        if _NUMBER.fullmatch(plain):
            digits = number_text(plain)
            if digits in self._numbers:
                return FOUND
            return FREE if is_computed(digits, self._numbers) else MISSING
        length = parse_duration(plain)
        return None if length is None else self._length(length)

    def _mentions(self, words: re.Pattern[str]) -> bool:
        if words not in self._mentioned:
            self._mentioned[words] = words.search(self.plain) is not None
        return self._mentioned[words]

    def _day(self, days: Iterable[date]) -> int:
        if any(is_day_in(day, self._pieces, self._numbers, self._has_year) for day in days):
            return FOUND
        return FREE if self._mentions(_RELATIVE) else MISSING

    def _clock(self, clock: time) -> int:
        there = self._times
        if clock in there or self._ends_at(clock):
            return FOUND
        return FREE if not there and self._mentions(_PART_OF_DAY) else MISSING

    def _ends_at(self, clock: time) -> bool:
        """Return whether something that begins and lasts as the prompt says ends then."""
        ends = _minutes(clock)
        lasts = self._durations
        return any((_minutes(t) + d - ends) % 1440 == 0 for t in self._times for d in lasts)

    def _length(self, length: Fraction) -> int:
        there = {_minutes(t) for t in self._times}
        if length in self._durations or any((t + length) % 1440 in there for t in there):
            return FOUND
        return FREE if self._mentions(_VAGUE) else MISSING

    def _by_words(self, plain: str) -> int:
        """Return FOUND for all content words, FREE for most of them."""
        pieces = [piece for piece in _PIECE.findall(plain) if piece not in _STOP]
        missing = sum(not self._has_piece(piece) for piece in pieces)
        if not missing:
            return FOUND
        if 2 * missing < len(pieces):
            return FREE
        return COMPUTABLE if len(pieces) >= _PROSE else MISSING

    def _has_piece(self, piece: str) -> bool:
        if piece in self._pieces or _stem(piece) in self._stems:
            return True
        if piece.isdecimal():
            return number_text(piece) in self._numbers
        return any(_abbreviates(short, piece) for short in self._abbreviations)


def squeeze(plain: str) -> str:
    """Return a normalised text without white space, quotes and backslashes."""
    return plain.replace(" ", "").replace('"', "").replace("'", "").replace("\\", "")


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _abbreviates(short: str, word: str) -> bool:
    """Return whether a text writes `word` without its vowels ("mtg") or cut off ("sess.")."""
    if short.endswith("."):
        return word.startswith(short[:-1])
    letters = iter(word)
    ends = short[0] == word[0] and short[-1] == word[-1]
    return ends and all(letter in letters for letter in short)


def _minutes(clock: time) -> int:
    return 60 * clock.hour + clock.minute
