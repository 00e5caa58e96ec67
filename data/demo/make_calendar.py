"""Write the demo's calendar rows: calendar/{train,valid,test}.jsonl.

    python data/demo/make_calendar.py

A row is a sentence or two about one event, and the record of eight fields that can be read out
of it; what the text does not say is null. Every value stands in the text as the record has it.
The people and places of test and valid occur in no training row, so that only reading the text
gives them. Seeded: the same bytes every time.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from names import pool

ROWS = {"train": 560, "valid": 40, "test": 120}
FIELDS = (
    "action", "date", "time", "attendees", "location", "duration", "recurrence", "notes",
)  # fmt: skip
PRESENT = {
    "date": 0.9, "time": 0.7, "attendees": 0.55, "location": 0.55,
    "duration": 0.3, "recurrence": 0.08, "notes": 0.08,
}  # fmt: skip
"""How often a text says something about a field."""

ACTIONS = (
    "budget review|team lunch|dentist appointment|piano lesson|book club|project kickoff|"
    "design workshop|parent evening|yoga class|board meeting|job interview|birthday dinner|"
    "car inspection|choir practice|flat viewing|sales call|garden party|haircut|film night|"
    "football training|coffee break|safety briefing|language course|photo shoot|picnic|"
    "quarterly planning|code review|swimming lesson|tax consultation|wine tasting|"
    "house cleaning|chess evening|doctor visit|farewell drinks|cooking class|bike tour"
).split("|")
MONTHS = (
    "January February March April May June July August September October November December"
).split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
SITES = "Hall|Park|Library|Office|Museum|School|Clinic|Studio|Hotel|Station".split("|")
DURATIONS = (
    "20 minutes|30 minutes|45 minutes|60 minutes|90 minutes|1 hour|2 hours|3 hours|4 hours"
).split("|")
RECURRENCES = "every week|every month|every year|every morning|every {day}".split("|")
NOTES = (
    "bring the slides|wear warm clothes|take the blue folder|ask about parking|bring a cake|"
    "call before|no laptops|bring your own mat|water the plants first|print the plan|"
    "keep it short|bring cash|check the heating|take the spare key"
).split("|")

OPENINGS = (
    "{action}", "Please book: {action}", "Reminder: {action}", "We have a {action}",
    "Add a {action}", "Do not forget the {action}", "I planned a {action}",
    "There is a {action}", "Let us meet for the {action}", "New entry: {action}",
)  # fmt: skip
CLAUSES = {
    "date": ("on {}", "on {}", "set for {}", "planned for {}"),
    "time": ("at {}", "at {}", "starting at {}", "from {}"),
    "attendees": ("with {}", "with {}", "together with {}", "joined by {}"),
    "location": ("in {}", "in {}", "over in {}", "held in {}"),
    "duration": ("for {}", "lasting {}", "taking {}"),
    "recurrence": ("{}", "repeated {}", "then {}"),
}
ENDINGS = ("Note: {}.", "And {}.", "Please {}.", "Do not forget: {}.")


class People:
    """The names that one split may use."""

    def __init__(self, draw: random.Random, taken: set[str], size: int) -> None:
        self.persons = pool(draw, size, taken)
        self.places = pool(draw, size, taken)


def date(draw: random.Random) -> str:
    """Return a date as people write it."""
    day = f"{draw.randint(1, 28)} {draw.choice(MONTHS)}"
    return draw.choice((day, day, draw.choice(DAYS), f"next {draw.choice(DAYS)}"))


def time(draw: random.Random) -> str:
    """Return a time of day as people write it."""
    hour, half = draw.randint(1, 12), draw.choice(("am", "pm"))
    return draw.choice((f"{hour} {half}", f"{hour} {half}", f"{hour}:30 {half}"))


def record(draw: random.Random, people: People) -> dict[str, Any]:
    """Return one event; absent fields are null."""
    names = draw.sample(people.persons, draw.choices((1, 2, 3), (5, 4, 2))[0])
    site = f"{draw.choice(people.places)} {draw.choice(SITES)}"
    values: dict[str, Any] = {
        "date": date(draw),
        "time": time(draw),
        "attendees": names,
        "location": draw.choice((site, site, f"the {site}", draw.choice(people.places))),
        "duration": draw.choice(DURATIONS),
        "recurrence": draw.choice(RECURRENCES).format(day=draw.choice(DAYS)),
        "notes": draw.choice(NOTES),
    }
    said = {key: value for key, value in values.items() if draw.random() < PRESENT[key]}
    if "date" not in said and "time" not in said:
        said["date"] = values["date"]
    found = {"action": draw.choice(ACTIONS), **said}
    return {field: found.get(field) for field in FIELDS}


def text(draw: random.Random, event: dict[str, Any]) -> str:
    """Return a text that says exactly what the record holds."""
    order = [field for field in CLAUSES if event[field] is not None]
    if draw.random() < 0.6:
        draw.shuffle(order)
    clauses = [draw.choice(CLAUSES[field]).format(said(event[field])) for field in order]
    glue = draw.choice((" ", " ", ", "))
    sentence = glue.join([draw.choice(OPENINGS).format(action=event["action"]), *clauses]) + "."
    if event["notes"] is None:
        return sentence[0].upper() + sentence[1:] if draw.random() < 0.3 else sentence
    return f"{sentence} {draw.choice(ENDINGS).format(event['notes'])}"


def said(value: str | list[str]) -> str:
    """Return a value in running text: names joined by commas and "and"."""
    if isinstance(value, str):
        return value
    return value[0] if len(value) == 1 else f"{', '.join(value[:-1])} and {value[-1]}"


def main() -> None:
    """Write the three files beside this script."""
    folder = Path(__file__).parent / "calendar"
    folder.mkdir(exist_ok=True)
    taken: set[str] = set()
    seen: set[str] = set()
    for number, (split, size) in enumerate(ROWS.items()):
        draw = random.Random(2026 + number)
        people = People(draw, taken, max(30, size // 3))
        rows: list[str] = []
        while len(rows) < size:
            event = record(draw, people)
            row = {"event_text": text(draw, event), "output": event}
            if row["event_text"] not in seen:
                seen.add(str(row["event_text"]))
                rows.append(json.dumps(row, ensure_ascii=False))
        (folder / f"{split}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
