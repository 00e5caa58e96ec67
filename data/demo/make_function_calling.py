"""Write function-calling.jsonl: questions, the tools on offer, and the call that answers each.

    python data/demo/make_function_calling.py

In the shape of xlam-function-calling-60k: `tools` and `answers` hold JSON as text. The names
that a call has to repeat are made up anew in every row, so only reading gives them.
"""

from __future__ import annotations

import json
import random

from names import name
from rows import Row, write

TOOLS: dict[str, tuple[str, tuple[str, ...]]] = {
    "weather": ("city", ("Will it rain in {}?", "How warm is {}?", "Is there snow in {}?")),
    "team": ("user", ("In which team is {}?", "Who works with {}?")),
    "price": ("title", ("How much is {}?", "What does {} cost?")),
    "host": ("street", ("Who lives in {}?", "Who is at home in {}?")),
}
"""Name → its parameter, and ways to ask for it."""


def declared(tool: str) -> Row:
    """Return a tool as the data set declares one: flat parameters, no JSON Schema."""
    return {"name": tool, "parameters": {TOOLS[tool][0]: {"type": "str"}}}


def row(draw: random.Random, number: int) -> Row:
    """Return one row: a question about a made-up name, two tools, and one call."""
    due, other = draw.sample(list(TOOLS), 2)
    key, ways = TOOLS[due]
    asked = name(draw)
    offered = draw.sample([due, other], 2)
    return {
        "id": number,
        "query": draw.choice(ways).format(asked),
        "answers": json.dumps([{"name": due, "arguments": {key: asked}}]),
        "tools": json.dumps([declared(tool) for tool in offered]),
    }


if __name__ == "__main__":
    write("function-calling", 800, row, 2027)
