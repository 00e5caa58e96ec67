"""When two values mean the same: texts, dates, times, durations, sets.

Dates and times are read by fixed formats only. Nothing is guessed ("10" is no date) and
nothing is resolved ("tomorrow" is a text). If just one of two values can be read, they differ;
if neither can, they are compared as texts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from datetime import date, time
from fractions import Fraction
from functools import lru_cache

_MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = {name[:size]: i for i, name in enumerate(_MONTH_NAMES, 1) for size in (3, 9)}
_MONTH["sept"] = 9

_ORDINAL = re.compile(r"(?<=[0-9])(?:st|nd|rd|th)\b")
_ISO = re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})-(?P<d>[0-9]{1,2})")
_NUMERIC = re.compile(
    r"(?P<first>[0-9]{1,2})(?P<mark>[-/.])(?P<second>[0-9]{1,2})(?P=mark)(?P<y>[0-9]{4}|[0-9]{2})"
)
_WRITTEN = re.compile(
    r"(?:(?P<d>[0-9]{1,2}) (?P<m>[a-z]+)|(?P<m2>[a-z]+) (?P<d2>[0-9]{1,2})) (?P<y>[0-9]{4})"
)
_QUOTES = str.maketrans(dict.fromkeys("‘’‚‛", "'") | dict.fromkeys("“”„‟", '"'))
_TIME12 = re.compile(r"(?P<h>[0-9]{1,2})(?::(?P<m>[0-9]{2}))? ?(?P<half>[ap])\.? ?m\.?")
_TIME24 = re.compile(r"(?P<h>[0-9]{1,2}):(?P<m>[0-9]{2})(?::(?P<s>[0-9]{2}))?")

_MINUTES = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Fraction(1, 60)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), Fraction(1)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), Fraction(60)),
    **dict.fromkeys(("d", "day", "days"), Fraction(24 * 60)),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), Fraction(7 * 24 * 60)),
}
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
    "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBER = {word: i for i, word in enumerate(_ONES)} | {
    f"{ten} {one}" if one else ten: 10 * i + j
    for i, ten in enumerate(_TENS, 2)
    for j, one in enumerate(("", *_ONES[1:10]))
}


def _any_of(words: Iterable[str]) -> str:
    """Return a pattern for one of the words, the longest first."""
    return "|".join(sorted(words, key=len, reverse=True))


_HYPHEN = re.compile(rf"\b([0-9.]+|{_any_of(_NUMBER)})-(?=[a-z])")
"""As in "45-minute" and "forty-five"; any other hyphen may be a range."""
_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|[a-z]+|\S")
_PART = re.compile(
    r"(?:(?P<half>(?:an? )?half(?: an?)?)|(?P<one>an?)"
    rf"|(?P<number>[0-9]{{1,9}}(?:\.[0-9]{{1,9}})?|{_any_of(_NUMBER)})(?P<plus> and a half)?)"
    rf" (?P<unit>{_any_of(_MINUTES)})(?P<more> and a half)?(?: (?:and )?|$)"
)


def normalise(text: str) -> str:
    """Return `text` in NFKC form, case folded, white space collapsed."""
    return _normalised(text) if len(text) < _LONG else _remembered(text)


_LONG = 500
"""Characters from which a text is likely a prompt, for which several ask in a row."""


def _normalised(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


_remembered = lru_cache(maxsize=4)(_normalised)


def text_key(text: str) -> str:
    """Return what two texts that mean the same share: `normalise`, outer punctuation off."""
    return normalise(text).strip(" .,;:!?\"'")


def straight(text: str) -> str:
    """Return `normalise` with straight quotes; outer punctuation stays."""
    return normalise(text.translate(_QUOTES))


def is_null(value: object) -> bool:
    """Return whether a value says nothing: null, "", [], {} or the words null, none, n/a."""
    if isinstance(value, str):
        return normalise(value) in {"", "null", "none", "n/a"}
    return value is None or value in ([], {})


def canonical(value: object, text: Callable[[str], str] = text_key) -> Hashable:
    """Return a key equal for equal JSON values: texts by `text`, numbers by value.

    A boolean is never a number and a number never a text; lists are ordered.
    """
    if isinstance(value, str):
        return ("text", text(value))
    if isinstance(value, list):
        return ("list", tuple(canonical(item, text) for item in value))
    if isinstance(value, dict):
        return ("object", frozenset((key, canonical(item, text)) for key, item in value.items()))
    return (type(value).__name__ if isinstance(value, bool) else "number", value)


def parse_date(text: str, day_first: bool = True) -> date | None:
    """Return the day that `text` names in one of the fixed formats, or None."""
    plain = " ".join(_ORDINAL.sub("", text_key(text)).replace(",", " ").split())
    if match := _ISO.fullmatch(plain):
        return _date(int(match["y"]), int(match["m"]), int(match["d"]))
    if match := _NUMERIC.fullmatch(plain):
        if len(match["y"]) == 2 and match["mark"] != "/":
            return None
        first, second = int(match["first"]), int(match["second"])
        day, month = (first, second) if day_first else (second, first)
        return _date(_full_year(match["y"]), month, day)
    if match := _WRITTEN.fullmatch(re.sub(r"(?<=[a-z])\.", "", plain)):
        month = _MONTH.get(match["m"] or match["m2"], 0)
        return _date(int(match["y"]), month, int(match["d"] or match["d2"]))
    return None


def parse_time(text: str) -> time | None:
    """Return the time of day that `text` names ("9 pm", "21:00", "noon"), or None."""
    plain = text_key(text)
    if plain in {"noon", "midnight"}:
        return time(12 if plain == "noon" else 0)
    if match := _TIME12.fullmatch(plain):
        hour = int(match["h"])
        if not 1 <= hour <= 12:
            return None
        return _time(hour % 12 + (12 if match["half"] == "p" else 0), int(match["m"] or 0))
    if match := _TIME24.fullmatch(plain):
        return _time(int(match["h"]), int(match["m"]), int(match["s"] or 0))
    return None


def parse_duration(text: str) -> Fraction | None:
    """Return a length of time in minutes, or None for anything not wholly understood.

    Words are taken whole: "1 hour and 30 minutes" holds no "an d(ay)".
    """
    plain = _HYPHEN.sub(r"\1 ", text_key(text)).replace(",", " ")
    plain = " ".join(_TOKEN.findall(plain))
    total, at = Fraction(0), 0
    while at < len(plain):
        part = _PART.match(plain, at)
        if not part:
            return None
        quantity = _quantity(part) + (Fraction(1, 2) if part["more"] else 0)
        total += quantity * _MINUTES[part["unit"]]
        at = part.end()
    return total if plain else None


def _quantity(part: re.Match[str]) -> Fraction:
    if part["half"]:
        return Fraction(1, 2)
    if part["one"]:
        return Fraction(1)
    number = part["number"]
    whole = Fraction(_NUMBER[number]) if number in _NUMBER else Fraction(number)
    return whole + (Fraction(1, 2) if part["plus"] else 0)


def _full_year(digits: str) -> int:
    """POSIX: two digits from 69 are the 1900s."""
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= 69 else 2000)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _time(hour: int, minute: int, second: int = 0) -> time | None:
    try:
        return time(hour, minute, second)
    except ValueError:
        return None


def same_text(target: object, output: object, _day_first: bool = True) -> bool:
    """Return whether two JSON values are equal by `canonical`."""
    return canonical(target) == canonical(output)


def same_set(target: object, output: object, _day_first: bool = True) -> bool:
    """Return whether two lists hold the same items as often; a list never equals a text."""
    if isinstance(target, list) and isinstance(output, list):
        return Counter(map(canonical, target)) == Counter(map(canonical, output))
    return canonical(target) == canonical(output)


def same_date(target: object, output: object, day_first: bool = True) -> bool:
    """Return whether both name the same day, or, where neither is a date, the same text."""
    return _same_read(target, output, lambda text: parse_date(text, day_first))


def same_time(target: object, output: object, _day_first: bool = True) -> bool:
    """Return whether both name the same time, or, where neither is a time, the same text."""
    return _same_read(target, output, parse_time)


def same_duration(target: object, output: object, _day_first: bool = True) -> bool:
    """Return whether both last equally long, or, where neither is understood, the same text."""
    return _same_read(target, output, parse_duration)


def _same_read(target: object, output: object, read: Callable[[str], object | None]) -> bool:
    first = read(target) if isinstance(target, str) else None
    second = read(output) if isinstance(output, str) else None
    if first is None and second is None:
        return same_text(target, output)
    return first == second


KINDS: dict[str, Callable[[object, object, bool], bool]] = {
    "text": same_text,
    "date": same_date,
    "time": same_time,
    "duration": same_duration,
    "set": same_set,
}
