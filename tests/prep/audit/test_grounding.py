"""Forms in which a value may stand in a prompt, and values that do not."""

from __future__ import annotations

from typing import Any

import pytest

from mlxr.prep.audit.grounding import COMPUTABLE, FOUND, FREE, MISSING, NULL, Prompt
from mlxr.values import normalise

TEXT = "Dinner with Annabel Lee on 2nd, Nov 2024 at 9pm in the Office-Studio, two hours, ETH/BTC."


def state(value: Any, text: str = TEXT) -> int:
    return Prompt(text).state(value, normalise(str(value)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("annabel LEE", TEXT),
        ("02/11/2024", TEXT),
        ("2024-11-02", TEXT),
        ("20241102", TEXT),
        (20241102, TEXT),
        ("2024-11-02T21:00:00Z", TEXT),
        ("9:00 PM", TEXT),
        ("21:00", TEXT),
        ("23:00", TEXT),  # when it ends
        ("2 hours", TEXT),
        ("120 min", TEXT),
        ("ETH/BTC", TEXT),
        ("ETH-BTC", TEXT),
        ("the studio of the office", TEXT),
        ("18/10/2023", "Talk 18 - Oct - 2023, 11:00"),
        ("10/07/2024", "July 10: swimming"),
        ("9:00 AM", "from 9 to 11"),
        ("2 hours", "from 9 to 11 am"),
        ("1.5 hours", "an hour and a half"),
        ("45 mins", "a 45-minute call"),
        ("Weekly meeting", "mtg every week"),
        ("Brainstorm session", "Brainstorm sess. at ten"),
        (1000000, "$1,000,000"),
        ("1000000", "one million"),
        (1500000, "1.5 million"),
        (0.05, "at 5 %"),
        (45, "forty-five"),
        (3, "the third one"),
        (2, "in February"),
        (2000000000.0, "a factor of 2e9"),
        (2.5, "2.50 euros"),
        (7, "[5,7,9]"),
        ("98765,45678", "records 98765 and 45678"),
        ("https://www.apple.com", "pages of apple.com"),
        ("小明", "我叫小明今年八岁"),
        ("café", "in the CAFÉ"),
        ("café", r'{"place": "caf\u00e9"}'),
        ("hello world", "hello\n   world"),
    ],
)
def test_other_forms_are_found(value: Any, text: str) -> None:
    assert state(value, text) == FOUND


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Anna", TEXT),
        ("Robert", TEXT),
        ("03/11/2024", TEXT),
        ("02/12/2024", TEXT),
        ("02/11/2023", TEXT),
        ("9:00 AM", TEXT),
        ("9:30 PM", TEXT),
        ("3 hours", TEXT),
        ("office tower", TEXT),
        ("art gallery", "a party"),
        ("14", "in 2014"),
        ("558832", "item 17"),
        ("5:00 PM", "at 5 am"),
        ("Pamolo", "at 5 pm"),  # no abbreviation of it
    ],
)
def test_other_substance_is_missing(value: Any, text: str) -> None:
    assert state(value, text) == MISSING


@pytest.mark.parametrize("value", [None, "", "null", "N/A", [], {}])
def test_nulls_are_nulls(value: Any) -> None:
    assert state(value) == NULL


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, TEXT),
        (0, TEXT),
        (1.0, TEXT),
        (float("nan"), TEXT),
        ("EUR", "in euros"),
        ("en-GB", "for the UK"),
        ("2024-05-06", "see you tomorrow"),
        ("18:00", "in the evening"),
        ("2 hours", "for a couple of hours"),
        ("5000", "within 5 km"),
        (33, "25 pots and 8 more"),
        ("--", TEXT),
    ],
)
def test_what_nobody_can_say_is_free(value: Any, text: str) -> None:
    assert state(value, text) == FREE


def test_numbers_and_prose_may_be_computed() -> None:
    assert state(4711) == COMPUTABLE
    assert state("A long remark that was written by somebody who never saw any of it") == COMPUTABLE
