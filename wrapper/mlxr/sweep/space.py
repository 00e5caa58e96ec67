"""What a sweep tries: lists and ranges of values for recipe keys, and the settings they give."""

from __future__ import annotations

import itertools
import math
import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlxr.errors import MlxrError
from mlxr.recipe.overlay import toml

LOG_FROM = 10
"""A range over positive numbers with at least this ratio is drawn from evenly by its logarithm."""
TRIES = 100
"""Draws for each setting that is wanted, before too many were the same."""
_RANGE = re.compile(r"^\s*(?P<low>[^.\s][^\s]*?)\s*\.\.\s*(?P<high>[^\s]+)\s*$")
GRID = "--grid train.learning_rate=1e-5,1e-4"


@dataclass(frozen=True)
class Choice:
    """Some values for a key."""

    key: str
    values: tuple[Any, ...]

    def draw(self, generator: random.Random) -> Any:
        """Return one of them."""
        return generator.choice(self.values)


@dataclass(frozen=True)
class Range:
    """All numbers between two, both included; whole ones where both are."""

    key: str
    low: float
    high: float

    def draw(self, generator: random.Random) -> float:
        """Return one of them, with three significant digits where it is no whole number."""
        if self.low > 0 and self.high / self.low >= LOG_FROM:
            drawn = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        else:
            drawn = generator.uniform(self.low, self.high)
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        drawn = round(drawn) if whole else float(f"{drawn:.3g}")
        return min(max(drawn, self.low), self.high)


Axis = Choice | Range
Setting = Mapping[str, Any]
"""Dotted recipe keys with their values."""


def parse(texts: Sequence[str]) -> list[Axis]:
    """Return what each KEY=VALUES means: 1e-5,1e-4 or 1e-5..1e-3.

    Raises MlxrError on anything else, or a key that is given twice.
    """
    axes = [_axis(text) for text in texts]
    keys = [axis.key for axis in axes]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        raise MlxrError(f"--grid {twice} is given twice.", f"--grid {twice}=A,B,C")
    return axes


def _axis(text: str) -> Axis:
    key, sign, values = (part.strip() for part in text.partition("="))
    if not sign or not key or not values:
        raise MlxrError(f"--grid takes KEY=VALUE,VALUE, not {text!r}.", GRID)
    if found := _RANGE.match(values):
        low, high = (_value(found[end]) for end in ("low", "high"))
        if any(isinstance(end, bool) or not isinstance(end, int | float) for end in (low, high)):
            raise MlxrError(f"--grid {key}: {values} is no range of numbers.", f"{key}=1e-5..1e-3")
        if not low < high:
            raise MlxrError(f"--grid {key}: {values} is empty.", f"{key}={high}..{low}")
        return Range(key, low, high)
    return Choice(key, tuple({toml(value): value for value in _values(values)}.values()))


def _values(text: str) -> list[Any]:
    """Return values with commas between, as TOML reads a list; or else as plain texts."""
    try:
        return list(tomllib.loads(f"v = [{text}]")["v"])
    except tomllib.TOMLDecodeError:
        return [_value(part.strip()) for part in text.split(",") if part.strip()]


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def grid(axes: Sequence[Axis]) -> list[Setting]:
    """Return every combination; raises MlxrError on a range, which has no end of values."""
    for axis in axes:
        if isinstance(axis, Range):
            raise MlxrError(
                f"--grid {axis.key}: a range needs --random N, the number of settings to draw.",
                f"Add --random 8, or name values: {axis.key}={axis.low},{axis.high}",
            )
    choices = [axis.values for axis in axes if isinstance(axis, Choice)]
    keys = [axis.key for axis in axes]
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*choices)]


def draw(axes: Sequence[Axis], count: int, seed: int) -> list[Setting]:
    """Return `count` different settings drawn at random, the same ones for the same seed.

    Raises MlxrError when there are not so many.
    """
    generator = random.Random(seed)
    found: dict[str, Setting] = {}
    for _ in range(TRIES * count):
        setting = {axis.key: axis.draw(generator) for axis in axes}
        found.setdefault(toml(setting), setting)
        if len(found) == count:
            return list(found.values())
    raise MlxrError(
        f"There are only {len(found)} settings to draw from, fewer than --random {count}.",
        "Leave --random out to try them all, or name more values.",
    )


def seeds(text: str) -> list[int]:
    """Return the numbers of "1,2,3"; raises MlxrError on anything else."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() for part in parts):
        said = f"--seeds takes whole numbers from 0 on, not {text!r}."
        raise MlxrError(said, "--seeds 1,2,3")
    return list(dict.fromkeys(map(int, parts)))


def label(setting: Setting) -> str:
    """Return a setting in one line, its keys without the tables that they stand in."""
    return ", ".join(f"{key.rpartition('.')[2]} = {toml(value)}" for key, value in setting.items())
