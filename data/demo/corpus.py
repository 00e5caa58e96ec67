"""The text on which the demo model is pre-trained: everyday sentences, JSON, short chats.

All of it is generated here, from a seed. What it teaches is English-like word order, the form
of JSON, the turns of a chat, and above all to copy: made-up names and phrases come back a
sentence later, in quotes, in lists, in JSON. What it never shows is the demo's task: no text
about an appointment stands beside a record, and no object has the record's keys together.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

from names import name

THINGS = (
    "lamp|table|kettle|bicycle|coat|book|radio|ladder|basket|clock|mirror|blanket|guitar|"
    "camera|hammer|pillow|bottle|jacket|carpet|knife|drum|vase|puzzle|tent|map|bench|key|"
    "letter|parcel|box|candle|mug|plant|chair|phone|ring|scarf|shoe|window|door"
).split("|")
FOOD = ("bread|soup|rice|cheese|apples|tea|coffee|honey|carrots|cake|pasta|salad|milk|fish").split(
    "|"
)
ANIMALS = "cat|dog|horse|rabbit|goat|parrot|hen|hamster|duck|donkey".split("|")
COLOURS = "red|green|blue|black|white|yellow|grey|brown|dark blue|light green".split("|")
WEATHER = "rain|snow|wind|fog|sun|hail|a storm|clear sky".split("|")
VERBS = "bought|sold|lost|found|painted|repaired|borrowed|cleaned|carried|forgot".split("|")
WORDS = (
    "event|extract|as|JSON|reminder|entry|add|new|"
    "small|quiet|early|late|every|morning|evening|week|hour|minutes|library|office|station|"
    "school|park|hotel|hall|museum|studio|kitchen|garden|meeting|lesson|review|team|visit|"
    "planning|training|dinner|lunch|class|talk|bring|call|print|take|wear|ask|check|keep|"
    "warm|spare|blue|cash|plan|slides|clothes|folder|two|three|half|an|the|with|from|at|on|"
    "until|before|after|again|together|note|please|next|first|Monday|Tuesday|Wednesday|"
    "Thursday|Friday|Saturday|Sunday|January|February|March|April|May|June|July|August|"
    "September|October|November|December|am|pm|noon|half an hour|2 hours|45 minutes|"
    "every week|every month|every year|book|photo|code|bike|tax|wine|music|board|project"
).split("|")
KEYS = (
    "name|owner|colour|size|price|count|city|street|status|kind|title|author|pages|weight|"
    "tags|items|notes|animal|food|weather|user|level|path|port|host|version|language|unit|"
    "score|team|code|label|note|from|to|date|time|location|action|duration|attendees|recurrence"
).split("|")
DEMO_KEYS = frozenset(
    {"action", "attendees", "date", "duration", "location", "notes", "recurrence", "time"}
)


def number(draw: random.Random) -> str:
    """Return a number, a price, a clock time or a date, as text."""
    forms = (
        str(draw.randint(1, 99)),
        f"{draw.randint(1, 12)}:{draw.choice(('00', '15', '30', '45'))}",
        f"{draw.randint(1, 28)} {draw.choice(WORDS[-40:-28])}",
        f"{draw.randint(1, 28):02d}/{draw.randint(1, 12):02d}/20{draw.randint(10, 39)}",
        f"{draw.randint(1, 400)}.{draw.randint(10, 99)}",
        f"{draw.randint(1, 12)} {draw.choice(('am', 'pm', 'hours', 'minutes', 'euros'))}",
    )
    return draw.choice(forms)


def phrase(draw: random.Random) -> str:
    """Return a few words, a name, or a number: something to copy."""
    kind = draw.random()
    if kind < 0.4:
        return name(draw) + (f" {draw.choice(WORDS).capitalize()}" if draw.random() < 0.3 else "")
    if kind < 0.65:
        return number(draw)
    return " ".join(draw.choices(WORDS, k=draw.randint(1, 4)))


def story(draw: random.Random) -> str:
    """Return a few sentences about one or two people, whose names recur."""
    who, other, town = name(draw), name(draw), name(draw)
    thing, colour = draw.choice(THINGS), draw.choice(COLOURS)
    verb, food, animal = draw.choice(VERBS), draw.choice(FOOD), draw.choice(ANIMALS)
    sentences = [
        f"{who} {verb} a {colour} {thing} in {town}.",
        f"The {thing} of {who} is {colour}.",
        f"{other} lives in {town} with a {animal}.",
        f"{who} and {other} eat {food} in the {draw.choice(WORDS[8:16])}.",
        f"There is {draw.choice(WEATHER)} in {town} today.",
        f"{who} gave the {thing} to {other} for {number(draw)}.",
        f'"{phrase(draw)}", said {other}.',
        f"{town} is {number(draw)} away, and {who} likes {town}.",
        f"The {animal} of {other} is called {name(draw)}.",
    ]
    return " ".join(draw.sample(sentences, draw.randint(2, 5)))


def value(draw: random.Random) -> object:
    """Return a JSON value: mostly text, sometimes a list, null, a number or a boolean."""
    kind = draw.random()
    if kind < 0.5:
        return phrase(draw)
    if kind < 0.75:
        return None
    if kind < 0.9:
        return [name(draw) for _ in range(draw.randint(1, 3))]
    return draw.choice((True, False, draw.randint(0, 500)))


def item(draw: random.Random) -> dict[str, object]:
    """Return an object of a few keys, never many of the demo's together."""
    keys = draw.sample(KEYS, draw.randint(2, 7))
    while len(DEMO_KEYS & set(keys)) > 2:
        keys = draw.sample(KEYS, draw.randint(2, 7))
    return {key: value(draw) for key in keys}


def written(made: object) -> str:
    """Return JSON on one line."""
    return json.dumps(made, ensure_ascii=False)


def chat(*turns: str) -> str:
    """Return a conversation in the form of the model's chat template."""
    roles = ("user", "assistant")
    return "".join(
        f"<|{roles[i % 2]}|>{turn}<|end|>" for i, turn in enumerate(turns)
    )  # fmt: skip


def repeat(draw: random.Random) -> str:
    """Return a chat in which words are to be said again."""
    said = " ".join(phrase(draw) for _ in range(draw.randint(1, 4)))
    ask = draw.choice(("Repeat: {}", "Say {}", "Write this again.\n{}", "Copy: {}"))
    return chat(ask.format(said), said)


def quote(draw: random.Random) -> str:
    """Return a chat in which parts of a list are to be put in quotes."""
    parts = [phrase(draw) for _ in range(draw.randint(2, 5))]
    glue = draw.choice((", ", " and ", "; ", " "))
    return chat(f"Quote: {glue.join(parts)}", written(parts))


def lookup(draw: random.Random) -> str:
    """Return a chat about one key of an object."""
    made = item(draw)
    key = draw.choice(list(made))
    return chat(f"{written(made)}\nWhat is {key}?", written(made[key]))


def as_json(draw: random.Random) -> str:
    """Return a chat in which a list of keys and values is to be written as JSON."""
    made = {key: draw.choice((None, phrase(draw), phrase(draw))) for key in item(draw)}
    lines = [f"{k}: {'none' if v is None else v}" for k, v in made.items()]
    return chat(f"Write as JSON.\n{draw.choice((chr(10), ', ')).join(lines)}", written(made))


def who(draw: random.Random) -> str:
    """Return a chat with a question about a sentence on shopping."""
    person, town, thing, price = name(draw), name(draw), draw.choice(THINGS), number(draw)
    verb = draw.choice(VERBS)
    told = draw.choice(
        (
            f"{person} {verb} a {thing} in {town} for {price}.",
            f"In {town}, for {price}, {person} {verb} a {thing}.",
            f"A {thing}, {price}, {verb} by {person} from {town}.",
        )
    )
    asked = {
        f"Who {verb} it?": person, "Where?": town, "What?": thing, "How much?": price,
        "What colour?": "not said",
    }  # fmt: skip
    question = draw.choice(list(asked))
    return chat(f"{told} {question}", asked[question])


def label(draw: random.Random) -> str:
    """Return a chat in which a sentence on a thing, a pet or a parcel becomes a JSON label.

    This is the nearest the corpus comes to the demo: that a value can be copied out of a
    sentence into JSON, and that null stands for what the sentence leaves out.
    """
    kind, ways = draw.choice(LABELS)
    values = {key: value_of(draw, key) for key in ways}
    known = [key for key in ways if draw.random() < 0.65]
    first = draw.choice((THINGS, ANIMALS, FOOD)[LABELS.index((kind, ways))])
    order = draw.sample(known, len(known))
    clauses = [draw.choice(ways[key]).format(listed(values[key])) for key in order]
    opening = draw.choice(("A {}", "One {}", "The {}", "Here is a {}", "{}", "We got a {}"))
    glue = draw.choice((" ", " ", ", "))
    told = glue.join([opening.format(first), *clauses])
    made = {kind: first} | {key: values[key] if key in known else None for key in ways}
    return chat(f"{draw.choice(ASKS).format(kind)}\n{told}.", written(made))


def value_of(draw: random.Random, key: str) -> str | list[str]:
    """Return a value for a key of a label."""
    if key in {"tags", "to", "items"}:
        return [name(draw) for _ in range(draw.choices((1, 2, 3), (5, 4, 2))[0])]
    if key == "colour":
        return draw.choice(COLOURS)
    if key in {"price", "size", "weight"}:
        return number(draw)
    if key == "note":
        return " ".join(draw.choices(WORDS, k=draw.randint(2, 4)))
    return name(draw) + (f" {draw.choice(WORDS).capitalize()}" if draw.random() < 0.4 else "")


def listed(names: str | list[str]) -> str:
    """Return names, or any other value, as a sentence has them."""
    if isinstance(names, str):
        return names
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


ASKS = ("Label the {} as JSON.", "Write the {} as JSON.", "Extract the {} as JSON.")
LABELS: list[tuple[str, dict[str, tuple[str, ...]]]] = [
    (
        "thing",
        {
            "colour": ("in {}", "painted {}"),
            "owner": ("of {}", "owned by {}", "from {}"),
            "city": ("at {}", "made in {}", "found in {}"),
            "price": ("for {}", "costs {}"),
            "tags": ("marked {}", "with the names {}"),
            "note": ("- {}", "(note: {})"),
        },
    ),
    (
        "animal",
        {
            "name": ("called {}", "named {}"),
            "owner": ("with {}", "together with {}"),
            "weight": ("weighs {}", "at {}"),
            "street": ("in {}", "living at {}"),
            "note": ("please {}", "- {}"),
        },
    ),
    (
        "food",
        {
            "count": ("from {}", "by {}"),
            "to": ("for {}", "with {}", "sent to {}"),
            "size": ("on {}", "of {}", "taking {}"),
            "city": ("in {}", "over at {}"),
            "label": ("then {}", "under {}"),
        },
    ),
]
"""What a label is of, its keys, and how a sentence says each."""


KINDS: dict[Callable[[random.Random], str], float] = {
    story: 1.0,
    lambda draw: written(item(draw)): 0.5,
    lambda draw: written([item(draw) for _ in range(2)]): 0.3,
    repeat: 3.0,
    quote: 3.0,
    lookup: 1.0,
    as_json: 2.0,
    who: 1.5,
    label: 4.0,
}
"""Kinds of text, with how often each is drawn."""


def texts(seed: int) -> Iterator[str]:
    """Yield texts without end."""
    draw = random.Random(seed)
    kinds, weights = list(KINDS), list(KINDS.values())
    while True:
        yield draw.choices(kinds, weights)[0](draw)
