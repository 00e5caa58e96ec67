"""When two values are the same, and what is left alone because it would be a guess."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxr.values import (
    KINDS,
    canonical,
    is_null,
    parse_date,
    parse_duration,
    parse_time,
    text_key,
)

DURATIONS = {
    "2 hours": 120,
    "an hour and 60 min": 120,
    "1 hour and 30 minutes": 90,
    "1h30m": 90,
    "half an hour": 30,
    "one and a half hours": 90,
    "an hour and a half": 90,
    "45-minute": 45,
    "two days": 2880,
    "all day": None,
    "2-3 hours": None,
    "30 minutes each": None,
    "2 hours 2": None,
    "thousand hours": None,
    # not in the golden list
    "1 Hour, 30 Minutes.": 90,
    "forty-five minutes": 45,
    "1.5 hrs": 90,
    "forty-five-minute": 45,
    "1h-2h": None,
    "an hour-two hours": None,
    "one-two hours": None,
    "a week": 10080,
    "90 s": 1.5,
    "1 hour and": None,
    "hours": None,
    "": None,
    "9" * 5000 + " hours": None,
}
TIMES = {
    "9 pm": time(21),
    "9pm": time(21),
    "9 p.m.": time(21),
    "9:00PM": time(21),
    "21:00": time(21),
    "noon": time(12),
    "12:00 AM": time(0),
    "3-4 PM": None,
    "9": None,
    "half past 7": None,
    # not in the golden list
    "12 pm": time(12),
    "Midnight": time(0),
    "21:00:30": time(21, 0, 30),
    "13 pm": None,
    "0 am": None,
    "25:00": None,
    "9:75 pm": None,
}
DAY = date(2024, 12, 15)
DATES = {
    "15/12/2024": DAY,
    "2024-12-15": DAY,
    "15th, Dec 2024": DAY,
    "Dec 15, 2024": DAY,
    "15.12.2024": DAY,
    "15/12/24": DAY,
    "12/15/2024": None,
    "tomorrow": None,
    "May": None,
    "10": None,
    "2024": None,
    # not in the golden list
    "15-12-2024": DAY,
    "15 December 2024": DAY,
    "December 15th, 2024": DAY,
    "1st May 1999": date(1999, 5, 1),
    "1/2/69": date(1969, 2, 1),
    "15/12-2024": None,
    "15.12.24": None,
    "30/02/2024": None,
    "15 Smarch 2024": None,
    "0000-01-01": None,
}


@pytest.mark.parametrize("text", DURATIONS)
def test_durations_are_minutes_or_not_understood(text: str) -> None:
    assert parse_duration(text) == DURATIONS[text]


@pytest.mark.parametrize("text", TIMES)
def test_times_are_read_by_fixed_formats(text: str) -> None:
    assert parse_time(text) == TIMES[text]


@pytest.mark.parametrize("text", DATES)
def test_dates_are_read_by_fixed_formats(text: str) -> None:
    assert parse_date(text) == DATES[text]


def test_the_recipe_says_which_number_is_the_day() -> None:
    assert parse_date("03/04/2025") == date(2025, 4, 3)
    assert parse_date("03/04/2025", day_first=False) == date(2025, 3, 4)


@pytest.mark.parametrize("null", [None, "", "  ", [], {}, "null", "None", "N/A", " none "])
def test_null_has_these_forms(null: object) -> None:
    assert is_null(null)


@pytest.mark.parametrize("value", [0, False, "no", "nil", [None], {"a": None}, "n.a.", "-"])
def test_everything_else_is_a_value(value: object) -> None:
    assert not is_null(value)


SAME = [
    ("text", "Café,", "cafe\u0301", True),
    ("text", "New  York\u00a0NY", "new york ny", True),
    ("text", "'Ring road'", "ring road!", True),
    ("text", "3.5", "35", False),
    ("text", "a b", "ab", False),
    ("text", 10, 10.0, True),
    ("text", 10, "10", False),
    ("text", True, 1, False),
    ("text", {"x": ["A"]}, {"x": ["a"]}, True),
    ("date", "15/12/2024", "2024-12-15", True),
    ("date", "15/12/2024", "tomorrow", False),
    ("date", "15/12/2024", "12/15/2024", False),
    ("date", "Tomorrow", "tomorrow", True),
    ("date", "15/12/2024", 15, False),
    ("time", "9 pm", "21:00", True),
    ("time", "9 pm", "9", False),
    ("time", "in the evening", "In the evening", True),
    ("duration", "2 hours", "120 minutes", True),
    ("duration", "2 hours", "all day", False),
    ("duration", "all day", "All day", True),
    ("set", ["Ann", "Bob"], ["bob", "ann"], True),
    ("set", ["Ann", "Ann"], ["Ann"], False),
    ("set", ["Ann"], "Ann", False),
    ("set", "Ann", ["Ann"], False),
    ("set", "Ann", "ann", True),
]


@pytest.mark.parametrize(("kind", "target", "found", "same"), SAME)
def test_values_are_the_same_by_kind(kind: str, target: object, found: object, same: bool) -> None:
    assert KINDS[kind](target, found, True) is same
    assert KINDS[kind](found, target, True) is same


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(JSON, st.sampled_from(sorted(KINDS)))
def test_every_value_equals_itself(value: object, kind: str) -> None:
    assert KINDS[kind](value, value, True)
    assert hash(canonical(value)) == hash(canonical(value))


@given(st.text())
def test_the_key_of_a_text_ignores_surrounding_space_and_stops(text: str) -> None:
    assert text_key(f"  {text}. ") == text_key(text)
