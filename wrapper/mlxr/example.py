"""A shipped recipe, and the same as the beginning of one's own.

The copy is the shipped file with the few lines changed that are about its data: it reads
rows.jsonl, whose rows were made for the recipe's offline twin and have the shape of the real
ones. What is said of the real data (its size, the time it takes) is left out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mlxr.workspace import shipped

ROWS = 120
"""Sample rows in a copy: enough for every split, ten in test, below which compare says nothing."""
_HUB = ("config", "split", "revision", "streaming", "limit")
"""What `[data]` says of a source on the Hub, and not of rows of one's own."""
_SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}


@dataclass(frozen=True)
class Example:
    """A recipe that ships with mlxr."""

    name: str
    text: str

    @property
    def about(self) -> str:
        """What it is for: its first sentence."""
        words = " ".join(line.lstrip("# ") for line in self._opening[0].split("\n"))
        return words.partition(". ")[0].rstrip(".")

    @property
    def model(self) -> str:
        """The Hub id of its model."""
        return str(tomllib.loads(self.text)["model"])

    @property
    def templates(self) -> list[str]:
        """The template files that it names, as it names them."""
        values = tomllib.loads(self.text)
        named = [values, values["data"], values.get("augment", {})]
        found = [table.get(key) for table in named for key in ("chat_template", "template")]
        return [name for name in found if name]

    @property
    def _opening(self) -> list[str]:
        """The paragraphs of the comment at the top: purpose, needs, commands, what to expect."""
        return self.text.partition("\n\n")[0].split("\n#\n")

    def renewed(self, name: str) -> str:
        """Return it as the recipe `name` on the rows of rows.jsonl."""
        purpose, needs, *rest = self._opening
        opening = "\n#\n".join([purpose, _needs(needs), *rest])
        opening = opening.replace(f"recipes/{self.name}.toml", "recipe.toml")
        body = self.text.partition("\n\n")[2]
        return f'{opening}\n\nname = "{name}"\n' + "\n".join(_on_rows(body.split("\n")))

    @property
    def rows(self) -> str:
        """The first rows of its offline twin, one JSON object a line."""
        demo = shipped() / "data" / "demo"
        folder = demo / self.name
        path = folder / "train.jsonl" if folder.is_dir() else demo / f"{self.name}.jsonl"
        with path.open(encoding="utf-8") as stream:
            return "".join(islice(stream, ROWS))


def examples() -> list[Example]:
    """Return the shipped recipes by name."""
    paths = sorted((shipped() / "recipes").glob("*.toml"))
    return [Example(path.stem, path.read_text(encoding="utf-8")) for path in paths]


def _needs(needs: str) -> str:
    """Return what a recipe needs, its data and the time that they take replaced by the rows."""
    entries = re.split(r"\n(?=#   \w)", needs)
    kept = [each for each in entries if each[4:].startswith(("disk", "memory"))]
    data = [
        f"#   data      rows.jsonl: {ROWS} made-up rows that show the shape, a JSON object a line.",
        "#             Put your own in their place, some hundreds at least",
    ]
    return "\n".join([*data, *(re.sub(r" for the model, .*", " for the model", k) for k in kept)])


def _on_rows(lines: list[str]) -> Iterator[str]:
    """Yield the lines of a recipe, reading rows.jsonl in shares whatever its size."""
    table, source = "", ""
    formerly: list[str] = []
    for line in lines:
        key = line.partition(" =")[0]
        table = line if line.startswith("[") else table
        if table == "[data]" and key in ("source", *_HUB):
            formerly.append(line)
            source = source or line
            continue
        if source and formerly:
            yield 'source = "rows.jsonl"          # sample rows: put your own in their place'
            yield from _remark(formerly)
            formerly = []
        yield _share(line) if table.startswith("[data.splits]") else line


def _remark(formerly: list[str]) -> Iterator[str]:
    """Yield what a recipe said of its data on the Hub, as comments."""
    if ".jsonl" not in formerly[0]:
        yield "# The recipe was written for these, on the Hub:"
        yield from (f"#   {line}" for line in formerly)


def _share(line: str) -> str:
    """Return a split given as a count as its usual share."""
    return re.sub(r"^(train|valid|test) = \d+$", lambda m: f"{m[1]} = {_SHARES[m[1]]}", line)
