"""`mlxr init`: a shipped recipe, its templates and sample rows, as the beginning of one's own.

The copy is the shipped file with the few lines changed that are about its data: it reads
rows.jsonl, whose rows were made for the recipe's offline twin and have the shape of the real
ones. What is said of the real data (its size, the time it takes) is left out.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from mlxr.errors import MlxrError
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


@dataclass(frozen=True)
class Begun:
    """What `init` wrote."""

    folder: Path
    example: Example
    files: tuple[Path, ...]

    @property
    def recipe(self) -> Path:
        """The recipe to go on with."""
        return self.folder / "recipe.toml"


def examples() -> list[Example]:
    """Return the shipped recipes by name."""
    paths = sorted((shipped() / "recipes").glob("*.toml"))
    return [Example(path.stem, path.read_text(encoding="utf-8")) for path in paths]


def init(folder: Path, like: str) -> Begun:
    """Write the shipped recipe `like` with its templates and sample rows into `folder`.

    Raises MlxrError when there is no such recipe, or one of the files is there already; then
    nothing was written.
    """
    example = _find(like)
    texts = {folder / name: text for name, text in _files(example, _name(folder, like)).items()}
    there = [str(path) for path in texts if os.path.lexists(path)]
    if there:
        raise MlxrError(
            f"{', '.join(there)} {'is' if len(there) == 1 else 'are'} there already, and init"
            " overwrites nothing.",
            f"mlxr init {folder / like} --like {like}",
        )
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    return Begun(folder, example, tuple(texts))


def _find(like: str) -> Example:
    known = {example.name: example for example in examples()}
    if like not in known:
        close = get_close_matches(like, known, n=1)
        hint = f"Did you mean --like {close[0]}?" if close else f"There are {', '.join(known)}."
        raise MlxrError(f"No recipe called {like!r} ships with mlxr.", hint)
    return known[like]


def _name(folder: Path, like: str) -> str:
    """Return the folder's name as a recipe may be called, else that of the example."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("._-") or like


def _files(example: Example, name: str) -> dict[str, str]:
    """Return the texts to write by their paths in the folder."""
    templates = {
        each: (shipped() / "recipes" / each).read_text(encoding="utf-8")
        for each in example.templates
    }
    rows = "".join(islice(_rows(example.name), ROWS))
    return {"recipe.toml": example.renewed(name), **templates, "rows.jsonl": rows}


def _rows(name: str) -> Iterator[str]:
    """Yield the rows of an example's offline twin, as they stand in their file."""
    demo = shipped() / "data" / "demo"
    folder = demo / name
    path = folder / "train.jsonl" if folder.is_dir() else demo / f"{name}.jsonl"
    with path.open(encoding="utf-8") as stream:
        yield from stream


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
