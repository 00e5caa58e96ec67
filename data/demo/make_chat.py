"""Write chat.jsonl: conversations of one turn, each with a label.

    python data/demo/make_chat.py

Desirable answers say what was asked about whom; undesirable ones are as well formed and speak of
somebody else, so that only reading the question tells them apart.
"""

from __future__ import annotations

import random

from corpus import THINGS
from names import name
from rows import Row, write

ASKS = (
    "{who} needs the {thing} in {town}.",
    "Send a {thing} to {who} in {town}.",
    "In {town}, {who} asked for a {thing}.",
)


def order(draw: random.Random) -> dict[str, str]:
    """Return who wants what, where."""
    return {"who": name(draw), "thing": draw.choice(THINGS), "town": name(draw)}


def row(draw: random.Random, _: int) -> Row:
    """Return one conversation; three in ten are undesirable."""
    asked, label = order(draw), draw.random() < 0.7
    told = asked if label else order(draw)
    answer = "Order: {thing}. For: {who}. To: {town}.".format(**told)
    turns = (("user", draw.choice(ASKS).format(**asked)), ("assistant", answer))
    said = [{"role": role, "content": content} for role, content in turns]
    return {"conversations": said, "label": label}


if __name__ == "__main__":
    write("chat", 800, row, 2028)
