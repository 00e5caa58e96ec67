"""Made-up names: syllables put together, so that copying a name is the only way to get it right."""

from __future__ import annotations

import random

ONSETS = "b br d dr f g gr h j k kl l m n p pr r s sh st t tr v w z".split()
VOWELS = "aaaeeeiiooou"
CODAS = ["", "", "l", "m", "n", "n", "r", "s", "t", "nd", "rk"]


def name(draw: random.Random) -> str:
    """Return a made-up name of two or three syllables, as "Talven" or "Brimola"."""
    count = draw.choice((2, 2, 2, 3))
    parts = [draw.choice(ONSETS) + draw.choice(VOWELS) for _ in range(count)]
    return ("".join(parts) + draw.choice(CODAS)).capitalize()


def pool(draw: random.Random, size: int, taken: set[str]) -> list[str]:
    """Return `size` names that are not in `taken`, and add them to it."""
    found: list[str] = []
    while len(found) < size:
        made = name(draw)
        if made not in taken:
            taken.add(made)
            found.append(made)
    return found
