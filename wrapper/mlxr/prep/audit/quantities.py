"""Numbers, times, lengths of time and days that a running text names, in whatever notation.

Texts are normalised (case folded). Nothing is resolved: "tomorrow" names no day here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Set
from datetime import date, time
from fractions import Fraction

from mlxr.values import parse_date, parse_duration, parse_time

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
_MONTHS = (
    "january february march april may june july august september october november december"
).split()
_NAMED = {
    **{word: str(i) for i, word in enumerate(_ONES)},
    **{word: str(10 * i) for i, word in enumerate(_TENS, 2)},
    **{word: str(i) for i, word in enumerate(_ORDINALS, 1)},
    "once": "1",
    "twice": "2",
    "couple": "2",
    "both": "2",
    "pair": "2",
    "double": "2",
    "dozen": "12",
    "half": "0.5",
    "quarter": "0.25",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
    "billion": "1000000000",
    **{month: str(i) for i, month in enumerate(_MONTHS, 1)},
}
_SCALES = {
    "%": 0.01,
    "percent": 0.01,
    "hundred": 1e2,
    "k": 1e3,
    "thousand": 1e3,
    "lakh": 1e5,
    "m": 1e6,
    "mn": 1e6,
    "million": 1e6,
    "bn": 1e9,
    "b": 1e9,
    "billion": 1e9,
}
_DIGITS = re.compile(
    r"([0-9]+(?:,[0-9]{2,3})*(?:\.[0-9]+)?(?:e[+]?[0-9]{1,2}\b)?)"
    r"(?:[ -]?(%|(?:percent|hundred|thousand|lakh|million|billion|mn|bn|k|m|b)\b))?"
)
_SCALED_WORD = re.compile(r"\b([a-z]+)[ -](percent|hundred|thousand|million|billion)\b")
_COMPOUND = re.compile(rf"\b({'|'.join(_TENS)})[ -]({'|'.join(_ONES[1:10])})\b")
_LONGEST = 40
"""Digits of the longest number that is compared by its value."""

_MANY = 24
_FACTORS = (7.0, 12.0, 24.0, 60.0, 100.0, 1000.0, 3600.0)

_CLOCK = re.compile(
    r"(?<![0-9:.,/-])([01]?[0-9]|2[0-3])(?:[:.h]([0-5][0-9]))?(?::[0-5][0-9])?"
    r"(?: ?(?:([ap])\.? ?m\b|(o'?clock|hrs|h\b|uhr)))?(?![0-9:/-])"
)
_BEFORE = re.compile(r"(?:\b(?:at|around|about|by|from|to|until|till|and|before|after)|[@~–-]) ?$")
_COMPACT = re.compile(r"\b([01][0-9]|2[0-3])([0-5][0-9])(?= ?(?:hrs|h)\b)")
_UNITS = r"(?:sec(?:ond)?|min(?:ute)?|h(?:ou)?r|day|week|wk)s?|[smhd]"
_LASTS = re.compile(
    rf"(?:(?:\b(?:an?|half an?|an? half|{'|'.join((*_ONES, *_TENS))})|[0-9]+(?:\.[0-9]+)?)"
    rf"(?: and a half)?[ -]?(?:{_UNITS})\b(?: and a half)?,? ?(?:and )?){{1,3}}"
)


def number_text(value: float | str) -> str:
    """Return a number's plain decimal digits, without sign, comma or idle zeros; "" for none."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        text = f"{value:.9f}"
    else:
        try:
            text = str(value)
        except ValueError:  # more digits than Python writes
            return ""
    digits = text.replace(",", "").strip("+-$€£% ")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return digits.lstrip("0") or "0"


def numbers(plain: str, words: Set[str]) -> frozenset[str]:
    """Return the numbers in a text of these words, each as `number_text` writes it.

    "1,000", "2e9", "two", "third", "1.5 million", "5 %", "forty-five", and "february" as 2.
    """
    found = {_NAMED[word] for word in _NAMED.keys() & words}
    matches = set(_DIGITS.findall(plain))
    for match, _ in matches:
        found.add(number_text(float(match.replace(",", "")) if "e" in match else match))
        if "," in match or "." in match:  # also a list, or a date: "1,250", "2.11"
            found.update(map(number_text, match.replace(".", ",").split(",")))
    if not words.isdisjoint(_TENS):
        found |= {str(int(_NAMED[a]) + int(_NAMED[b])) for a, b in _COMPOUND.findall(plain)}
    scaled = [(number, scale) for number, scale in matches if scale]
    if not words.isdisjoint(("percent", "hundred", "thousand", "million", "billion")):
        scaled += [(_NAMED.get(a, ""), b) for a, b in _SCALED_WORD.findall(plain)]
    for number, scale in scaled:
        if number and len(number) <= _LONGEST:
            found.add(number_text(float(number.replace(",", "")) * _SCALES[scale]))
    return frozenset(found)


def is_computed(digits: str, known: Set[str]) -> bool:
    """Return whether one step leads from one or two known numbers to this one.

    A step is a sum, a difference, a product or a quotient, a change of unit included. Not tried
    for more than 24 numbers, among which something always fits.
    """
    if len(known) > _MANY or len(digits) > _LONGEST:
        return False
    values = [float(number) for number in known if len(number) <= _LONGEST]
    aim = float(digits)
    for a in values:
        for b in (*values, *_FACTORS):
            if any(math.isclose(aim, made, rel_tol=1e-6) for made in (a * b, b and a / b)):
                return True
        if any(math.isclose(aim, made, rel_tol=1e-6) for b in values for made in (a + b, a - b)):
            return True
    return False


def times(plain: str) -> frozenset[time]:
    """Return the times of day in a text; without am or pm, both that it may be.

    A bare number is one only after a word such as "at" or "from".
    """
    found = {time(int(hour), int(minute)) for hour, minute in _COMPACT.findall(plain)}
    for match in _CLOCK.finditer(plain):
        hour, minute, half, unit = int(match[1]), int(match[2] or 0), match[3], match[4]
        before = max(0, match.start() - 8), match.start()
        if not (match[2] or half or unit or _BEFORE.search(plain, *before)):
            continue
        if half:
            hour = hour % 12 + (12 if half == "p" else 0)
        found.add(time(hour % 24, minute))
        if not half and 1 <= hour <= 12:
            found.add(time((hour + 12) % 24, minute))
            found.add(time(hour % 12, minute))
    if "noon" in plain or "midday" in plain:
        found.add(time(12))
    if "midnight" in plain:
        found.add(time(0))
    return frozenset(found)


def durations(plain: str) -> frozenset[Fraction]:
    """Return the lengths of time in a text, in minutes: "2 hours", "1hr", "an hour and a half"."""
    parts = (match[0].strip(" ,").removesuffix(" and") for match in _LASTS.finditer(plain))
    return frozenset(length for part in parts if (length := parse_duration(part)) is not None)


def is_day_in(day: date, words: Set[str], known: Set[str], has_year: bool) -> bool:
    """Return whether a text of these words and numbers names the day: its number, month and year.

    In any order and notation; a text that names no year means any.
    """
    month = _MONTHS[day.month - 1]
    named = str(day.month) in known or not words.isdisjoint((month, month[:3], month[:4]))
    in_year = not has_year or not known.isdisjoint((str(day.year), str(day.year)[2:]))
    return str(day.day) in known and named and in_year


def is_year(digits: str) -> bool:
    """Return whether a number can be a year of this century or the last."""
    return len(digits) == 4 and digits[:2] in ("19", "20")


def moment(value: str) -> tuple[frozenset[date], time | None] | None:
    """Return the days that a date may mean and the time in a text, or None for another text.

    "2024-11-02T09:30:00Z" holds both, "20241102" a day, "9 PM" a time.
    """
    if len(value) == 8 and value.isdecimal():
        value = f"{value[:4]}-{value[4:6]}-{value[6:]}"
    if (clock := parse_time(value)) is not None:
        return frozenset(), clock
    if days := _days(value):
        return days, None
    first, _, second = value.replace("T", " ").partition(" ")
    clock = parse_time(re.sub(r"(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?$", "", second))
    days = _days(first)
    return (days, clock) if days and clock is not None else None


def _days(text: str) -> frozenset[date]:
    first = parse_date(text)
    second = parse_date(text, day_first=False) if text[:3].strip("0123456789") in "/.-" else None
    return frozenset(day for day in (first, second) if day)
