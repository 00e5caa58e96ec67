"""Write copywriting.jsonl: a writer's pieces by category, each with the brief it answers.

python data/demo/make_copywriting.py
"""

from __future__ import annotations

import random

from corpus import COLOURS, THINGS
from names import name
from rows import Row, write

PIECES = {
    "headline": "{maker} opens in {town}",
    "slogan": "{maker}: the {colour} {thing} of {town}",
    "label": "{colour} {thing}, {maker}, {town}",
}
"""Category → the writer's way with it."""


def row(draw: random.Random, number: int) -> Row:
    """Return one piece."""
    category = list(PIECES)[number % len(PIECES)]
    facts = {
        "maker": name(draw), "town": name(draw),
        "colour": draw.choice(COLOURS), "thing": draw.choice(THINGS),
    }  # fmt: skip
    brief = "{colour} {thing} from {maker} in {town}".format(**facts)
    return {"category": category, "brief": brief, "text": PIECES[category].format(**facts)}


if __name__ == "__main__":
    write("copywriting", 800, row, 2029)
