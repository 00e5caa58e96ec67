"""What the scripts that make sample rows share: seeded rows without repeats, as JSON lines."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def write(name: str, count: int, make: Callable[[random.Random, int], Row], seed: int) -> None:
    """Write `count` different rows to <name>.jsonl beside this file: the same bytes every time."""
    draw, seen = random.Random(seed), dict[str, None]()
    while len(seen) < count:
        seen[json.dumps(make(draw, len(seen)), ensure_ascii=False)] = None
    path = Path(__file__).parent / f"{name}.jsonl"
    path.write_text("\n".join(seen) + "\n", encoding="utf-8")
