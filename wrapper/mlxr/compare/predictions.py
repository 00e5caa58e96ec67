"""Stored outputs, made by anything: two files of rows in, the samples and what each arm wrote out.

{"id": 7, "question": "Where?", "answer": "There", "gold": "There"}

A file is JSON Lines or one JSON array. What a column is called is said as {"output": "answer"};
`base.output` and `tuned.output` are for one of the files only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from mlxr.compare.record import offered_tools
from mlxr.compare.sample import Finish, Output, Sample
from mlxr.errors import MlxrError
from mlxr.files import numbered_jsonl, sha256
from mlxr.loaded import ARMS

ROLES: dict[str, tuple[str, ...]] = {
    "id": ("id",),
    "prompt": ("prompt", "input", "question", "instruction"),
    "output": ("output", "prediction", "response", "completion"),
    "expected": ("expected", "target", "reference", "gold"),
    "category": ("category",),
    "cluster": ("cluster",),
    "source": ("source",),
    "tools": ("tools",),
    "finish": ("finish", "finish_reason"),
    "tokens": ("tokens",),
}
"""What a column can be, and the names under which it is looked for unless it is named."""

Names = Mapping[str, str]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Predictions:
    """The rows of two files, matched: everything in the order of the first."""

    samples: tuple[Sample, ...]
    base: tuple[Output, ...]
    tuned: tuple[Output, ...]
    prompts: tuple[str, ...]
    """Hash of each prompt; without prompts, of the id."""


def parse_columns(texts: Sequence[str]) -> dict[str, str]:
    """Return ["prompt=question,output=answer"] as a mapping; raises MlxrError on another role."""
    found = {}
    for part in (part for text in texts for part in text.split(",")):
        role, _, name = (piece.strip() for piece in part.partition("="))
        known = role.removeprefix("base.").removeprefix("tuned.")
        if known not in ROLES or not name:
            raise MlxrError(
                f"--columns takes ROLE=COLUMN, not {part!r}.",
                f"Roles: {', '.join(ROLES)}; as in --columns prompt=question,output=answer",
            )
        found[role] = name
    return found


def read_predictions(base: Path, tuned: Path, columns: Names) -> Predictions:
    """Return the matched rows of two files.

    Rows match by id where both files have one, else by prompt, equal prompts in their order.
    Raises MlxrError on a row that is missing on one side, lacks its output or what is expected.
    """
    files = (base, tuned)
    arms = [
        [_roles(row, arm, columns, place) for place, row in _rows(path)]
        for arm, path in zip(ARMS, files, strict=True)
    ]
    for role, name in columns.items():
        if not any(role.rpartition(".")[2] in row for rows in arms for row in rows):
            said = f"No row has a column {name!r}, which --columns names for the {role}."
            raise MlxrError(said, "See the first line of either file for what its columns are.")
    key = "id" if all("id" in row for rows in arms for row in rows) else "prompt"
    before, after = (_by_key(rows, key, path) for rows, path in zip(arms, files, strict=True))
    _same_keys(before, after, files)
    pairs = {name: (row, after[name]) for name, row in before.items()}
    return Predictions(
        samples=tuple(_sample(name, one, other, base) for name, (one, other) in pairs.items()),
        base=tuple(_output(one) for one, _ in pairs.values()),
        tuned=tuple(_output(other) for _, other in pairs.values()),
        prompts=tuple(sha256(one.get("prompt", name)) for name, (one, _) in pairs.items()),
    )


def _rows(path: Path) -> list[tuple[str, Row]]:
    """The rows of a file, each with its place as messages name it."""
    with path.open("rb") as stream:
        is_array = stream.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    if not is_array:
        rows: list[tuple[str, Row]] = [(f"{path}:{n}", row) for n, row in numbered_jsonl(path)]
    else:
        try:
            values = json.loads(path.read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError) as error:
            said = f"{path} is not readable as JSON: {error}."
            raise MlxrError(said, "Mend it there, or write one object a line.") from None
        rows = [(f"{path}, row {n}", value) for n, value in enumerate(values, start=1)]
    if bad := next((place for place, row in rows if not isinstance(row, Mapping)), None):
        raise MlxrError(f"{bad} is not a JSON object.", "One object a row, a column a key.")
    if not rows:
        raise MlxrError(f"{path} has no rows.", "Name the file that holds the outputs.")
    return rows


def _roles(row: Row, arm: str, columns: Names, place: str) -> dict[str, Any]:
    """Return what a row says, by role; roles that it says nothing of are absent."""
    found = {}
    for role, usual in ROLES.items():
        named = columns.get(f"{arm}.{role}", columns.get(role))
        names = (named,) if named else usual
        values = [value for name in names if (value := _value(row, name)) is not _NOTHING]
        if values:
            found[role] = values[0]
        elif role == "output":
            raise MlxrError(
                f"{place} has no column {named or ' or '.join(usual)!r} for the {role}; it has "
                f"{', '.join(map(repr, row)) or 'none'}.",
                f"Name it: --columns {role}=COLUMN",
            )
    if found.get("id") is None:
        found.pop("id", None)
    return found


_NOTHING = object()


def _value(row: Row, name: str) -> Any:
    """The value of a column; a dot leads into a record, unless a column's name has it."""
    if name in row:
        return row[name]
    outer, _, inner = name.partition(".")
    within = row.get(outer)
    return _value(within, inner) if inner and isinstance(within, Mapping) else _NOTHING


def _by_key(rows: Sequence[Row], key: str, path: Path) -> dict[str, Row]:
    if lacking := sum(key not in row for row in rows):
        raise MlxrError(
            f"{lacking} of the {len(rows)} rows of {path} have neither id nor prompt, so nothing"
            " tells which rows belong together.",
            "Name a column that does: --columns id=COLUMN or --columns prompt=COLUMN",
        )
    seen: Counter[str] = Counter()
    found: dict[str, Row] = {}
    for row in rows:
        name = _text(row["id"]) if key == "id" else sha256(row["prompt"])[:12]
        seen[name] += 1
        if key == "id" and seen[name] > 1:
            raise MlxrError(f"{path} has the id {name!r} twice.", "Number the rows, or drop one.")
        found[name if seen[name] == 1 else f"{name}-{seen[name]}"] = row
    return found


def _same_keys(before: Mapping[str, Row], after: Mapping[str, Row], files: Sequence[Path]) -> None:
    base, tuned = files
    for these, those, here, there in ((before, after, base, tuned), (after, before, tuned, base)):
        if lost := [name for name in these if name not in those]:
            shown = _text(these[lost[0]].get("prompt", lost[0]))[:60]
            raise MlxrError(
                f"{len(lost)} of the {len(these)} rows of {here} are not in {there}"
                f" (first: {shown!r}).",
                "Every row must be answered by both, or the comparison would choose its own"
                " samples: complete the one file, or take the rows out of the other.",
            )


def _sample(name: str, one: Row, other: Row, path: Path) -> Sample:
    both = {**other, **one}
    if both.get("expected") is None:
        raise MlxrError(
            f"Row {name} of {path} says nowhere what is expected.",
            "Name the column: --columns expected=COLUMN (in either file)",
        )
    if "expected" in other and _text(other["expected"]) != _text(both["expected"]):
        raise MlxrError(
            f"Row {name} is expected to be different things in the two files.",
            "Check that its id means the same row in both.",
        )
    prompt = _text(both.get("prompt", ""))
    asked = {"content": prompt}
    about: dict[str, Any] = {"tools": _listed(both.get("tools")), "messages": [asked, {}]}
    return Sample(
        id=name,
        prompt=prompt,
        target=_text(both["expected"]),
        category=_named(both.get("category")),
        cluster=_named(both.get("cluster")),
        source=_text(both.get("source", prompt)),
        tools=offered_tools(about),
    )


def _output(row: Row) -> Output:
    finish, tokens = row.get("finish"), row.get("tokens")
    if finish is not None and finish not in get_args(Finish):
        finish = "length" if finish in {"max_tokens", "max_length"} else "stop"
    if row["output"] is None:
        finish = "error"
    target = _text(row.get("expected", ""))
    return Output(
        text=_text(row["output"]),
        tokens=tokens if isinstance(tokens, int) else None,
        finish=cast("Finish | None", finish),
        nll=None,
        target_tokens=0,
        target_bytes=len(target.encode("utf-8", "surrogatepass")),
        prompt_tokens=0,
        decode_seconds=None,
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _named(value: object) -> str | None:
    return None if value is None else _text(value)


def _listed(value: object) -> object:
    """Tools as a list, also where they stand as JSON in a text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, list) else None
