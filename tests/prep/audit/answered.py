"""Sound rows of many kinds, and what the audit concludes from rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlxr.prep.audit.content import Content, read
from mlxr.prep.audit.findings import Finding
from mlxr.prep.audit.targets import conclude_content
from mlxr.prep.conversation import Conversation

_ONSETS, _VOWELS = "b d f g k l m n p r s t v z".split(), "a e i o u".split()
_TASTES = ("no nuts", "bring slides", "casual", "by train", "remote", "with cake", "quiet please")


@dataclass(frozen=True)
class Row:
    """One record before it is read."""

    prompt: str
    answer: str | list[dict[str, Any]]
    split: str | None = "train"
    category: str | None = None
    label: object = None
    tools: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class Audited:
    """The part of an entry that conclusions are drawn from."""

    split: str | None
    key: str
    place: str
    content: Content | None
    category: str | None


def conversation(
    prompt: str, answer: str | list[dict[str, Any]], tools: tuple[Any, ...] | None = None
) -> Conversation:
    """Return one question and its answer: a text, or calls."""
    said = {"content": answer} if isinstance(answer, str) else {"tool_calls": answer}
    return Conversation(
        (
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": None, **said},
        ),
        tools,
    )


def findings(rows: Iterable[Row]) -> list[Finding]:
    """Return what is concluded from rows."""
    return conclude_content(
        [
            Audited(
                row.split,
                row.prompt,
                f"rows:{number}",
                read(conversation(row.prompt, row.answer, row.tools), row.label),
                row.category,
            )
            for number, row in enumerate(rows, 1)
        ]
    )


def codes(rows: Iterable[Row]) -> list[str]:
    """Return the findings' codes."""
    return [finding.code for finding in findings(rows)]


def name(number: int) -> str:
    """Return a word of three syllables that no other number has."""
    parts, rest = [], number * 7919 % 343_000
    for _ in range(3):
        rest, syllable = divmod(rest, 70)
        parts.append(_ONSETS[syllable // 5] + _VOWELS[syllable % 5])
    return "".join(parts).capitalize()


def event(number: int) -> tuple[str, dict[str, Any]]:
    """Return a sentence and the record it tells, in other notations."""
    day, month, hour = number % 28 + 1, number % 12 + 1, number % 11 + 1
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    who = [name(number + 1000 * i) for i in range(1, 2 + number % 3)]
    place, notes = f"{name(number + 5000)} Hall", _TASTES[number % 7] if number % 3 else None
    text = (
        f"Meet {' and '.join(who)} for a {name(number + 9000)} review at the {place} "
        f"on {day}{'th' if 3 < day < 21 else '.'} {months[month - 1]} 2024, {hour}pm"
        f"{f', {notes}' if notes else ''}."
    )
    return text, {
        "action": f"{name(number + 9000)} review",
        "date": f"{day:02}/{month:02}/2024",
        "time": f"{hour}:00 PM",
        "attendees": who,
        "location": place,
        "notes": notes,
    }


def events(count: int = 200) -> list[Row]:
    """Return sound rows: extraction, with dates and times in another notation than the text's."""
    rows = []
    for number in range(count):
        text, record = event(number)
        rows.append(Row(f"Extract the event.\n{text}", json.dumps(record), split_of(number)))
    return rows


def split_of(number: int) -> str:
    """Return train, valid or test: 60, 10 and 30 %."""
    return {0: "valid", 1: "test", 2: "test", 3: "test"}.get(number % 10, "train")


def planted(rows: Sequence[Row], share: float, flaw: Callable[[int, Row], Row]) -> list[Row]:
    """Return the rows with a flaw in every so many, spread evenly."""
    count = round(share * len(rows))
    chosen = {i * len(rows) // count for i in range(count)}
    return [flaw(i, row) if i in chosen else row for i, row in enumerate(rows)]


def changed(row: Row, **values: Any) -> Row:
    """Return the row with other fields in its record."""
    record: Mapping[str, Any] = json.loads(str(row.answer))
    return replace(row, answer=json.dumps({**record, **values}))
