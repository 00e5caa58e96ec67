"""Write summarization.jsonl: short news with highlights, in the shape of cnn_dailymail.

    python data/demo/make_summarization.py

What the highlights tell stands in the first sentences, as in news; Lead-3 scores well on them.
"""

from __future__ import annotations

import random

from corpus import ANIMALS, COLOURS, FOOD, THINGS, VERBS, WEATHER
from names import name
from rows import Row, write

OPENINGS = ("There is {weather} in {town} .", "It is a day of {weather} .", "By {writer} .")
NEWS = (
    "{who} {verb} a {colour} {thing} in {town} .",
    "In {town} , {who} {verb} a {colour} {thing} .",
)
MORE = ("{other} paid {price} euros for it .", "For {price} euros it went to {other} .")
CLOSINGS = (
    "{writer} likes {food} .", "The {animal} of {writer} was there .", "{food} will be served ."
)  # fmt: skip


def row(draw: random.Random, number: int) -> Row:
    """Return one article with its highlights."""
    facts = {
        "who": name(draw), "other": name(draw), "writer": name(draw), "town": name(draw),
        "verb": draw.choice(VERBS), "colour": draw.choice(COLOURS), "thing": draw.choice(THINGS),
        "weather": draw.choice(WEATHER), "food": draw.choice(FOOD), "animal": draw.choice(ANIMALS),
        "price": draw.randint(2, 99),
    }  # fmt: skip
    parts = (OPENINGS, NEWS, MORE, CLOSINGS)
    article = " ".join(draw.choice(part).format(**facts) for part in parts)
    lines = ("{who} {verb} {colour} {thing} in {town}", "{other} paid {price}")
    highlights = "\n".join(line.format(**facts) for line in lines)
    return {"id": f"{number:06x}", "article": article, "highlights": highlights}


if __name__ == "__main__":
    write("summarization", 800, row, 2030)
