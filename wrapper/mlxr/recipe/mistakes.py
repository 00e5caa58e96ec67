"""A recipe's mistakes in the user's words: table, key, value and fix, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mlxr.errors import MlxrError

_TYPES = {
    "bool_type": "true or false",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_type": "a number",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "string_too_short": "a text that is not empty",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "string_type": 'a text in "quotes"',
}


@dataclass(frozen=True)
class Mistake:
    """One thing to mend: dotted key, what is wrong, what to do."""

    key: str
    problem: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}" + (f" {self.fix}" if self.fix else "")


class RecipeError(MlxrError):
    """Every mistake of one recipe."""

    def __init__(
        self, path: str, mistakes: Sequence[Mistake], origins: Mapping[str, str] | None = None
    ) -> None:
        """Take the mistakes in a recipe; `origins` tell which file, or what else, has each key."""
        self.mistakes = tuple(mistakes)
        places = {(origins or {}).get(mistake.key, path): None for mistake in mistakes}
        files = [place for place in places if place.endswith(".toml")]
        others = [place for place in places if place not in files]
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        lines = "\n".join(f"  {mistake}" for mistake in mistakes)
        told = f"{path}, with what {' and '.join(others)} says," if others else path
        mend = f"Edit {', '.join(files)}" if files else f"Correct {' and '.join(others)}"
        super().__init__(f"{told} has {count}:\n{lines}", f"{mend}, then run it again.")


def explain(errors: Sequence[Mapping[str, Any]], schema: type[BaseModel]) -> list[Mistake]:
    """Return pydantic's `errors` about a recipe of `schema`, one for each key."""
    found: dict[str, Mistake] = {}
    values: dict[str, object] = {}
    for error in errors:
        place = _place(error["loc"], schema)
        key = ".".join(place) or "recipe"
        mistake = _mistake(error, key, place, schema)
        earlier = found.get(key)
        if earlier and mistake.problem not in earlier.problem:  # the branches of a union
            mistake = Mistake(key, f"{earlier.problem} or {mistake.problem}", earlier.fix)
        found[key] = mistake
        values[key] = error["input"]
    return [_said(mistake, values[key]) for key, mistake in found.items()]


def _said(mistake: Mistake, value: object) -> Mistake:
    """Add the value that was found to a sentence about what a key must be."""
    if not mistake.problem.startswith("must "):
        return mistake
    return Mistake(mistake.key, f"{mistake.problem}, not {_toml(value)}.", mistake.fix)


def _is_branch(part: str) -> bool:
    """Tell a union's branch ("constrained-int") from a key."""
    return part in {"str", "int", "float", "none"} or "[" in part or "-" in part


def _place(loc: Sequence[str | int], schema: type[BaseModel]) -> tuple[str, ...]:
    """Return the keys of an error's place, without the names of union branches."""
    place: list[str] = []
    field: FieldInfo | None = None
    table: type[BaseModel] | None = schema
    for part in loc:
        if isinstance(part, int):  # a place in a list, of tables or of anything else
            place[-1] += f"[{part}]"
            table = _table(field)
        elif table is not None or not _is_branch(part):
            place.append(part)
            field = table.model_fields.get(part) if table else None
            table = None if field and get_origin(field.annotation) is list else _own(field)
    return tuple(place)


def _own(field: FieldInfo | None) -> type[BaseModel] | None:
    """Return the table that a key holds, be it optional."""
    forms = (field.annotation, *get_args(field.annotation)) if field else ()
    return next((f for f in forms if isinstance(f, type) and issubclass(f, BaseModel)), None)


def _table(field: FieldInfo | None) -> type[BaseModel] | None:
    """Return the table that a key holds, be it optional, one of several forms, or in a list."""
    forms: list[Any] = [field.annotation] if field else []
    while forms:
        form = forms.pop()
        if isinstance(form, type) and issubclass(form, BaseModel):
            return form
        forms += get_args(form)
    return None


def _mistake(
    error: Mapping[str, Any], key: str, place: tuple[str, ...], schema: type[BaseModel]
) -> Mistake:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return Mistake(key, "is no key of a recipe.", did_you_mean(place, schema))
    if kind == "missing":
        return Mistake(key, "is missing.", f"Add {place[-1]} = … to {_table_of(place)}.")
    if kind == "value_error":
        return Mistake(key, f"{context['error']}.")
    if kind == "literal_error":
        close = get_close_matches(str(error["input"]), _choices(context["expected"]), n=1)
        fix = f'Did you mean "{close[0]}"?' if close else ""
        return Mistake(key, f"must be {context['expected'].replace(chr(39), chr(34))}", fix)
    if kind in _TYPES:
        return Mistake(key, f"must be {_TYPES[kind]}")
    return Mistake(key, f"must be {_bound(kind, context, error)}")


def _bound(kind: str, context: Mapping[str, Any], error: Mapping[str, Any]) -> str:
    signs = {
        "greater_than": ("gt", "greater than"),
        "greater_than_equal": ("ge", "at least"),
        "less_than": ("lt", "less than"),
        "less_than_equal": ("le", "at most"),
    }
    if kind in signs:
        name, words = signs[kind]
        return f"{words} {context[name]}"
    if kind == "string_pattern_mismatch":
        return "letters, digits, '.', '_' and '-'"
    return str(error["msg"])


def _choices(expected: str) -> list[str]:
    return [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]


def _table_of(place: tuple[str, ...]) -> str:
    return f"[{'.'.join(place[:-1])}]" if len(place) > 1 else "the top of the file"


def did_you_mean(place: tuple[str, ...], schema: type[BaseModel]) -> str:
    """Return a sentence naming the likeliest key for an unknown one, or the known keys."""
    table: Any = schema
    for part in place[:-1]:
        table = _table(table.model_fields.get(part.split("[")[0]))
        if table is None:
            return ""
    close = get_close_matches(place[-1].replace("-", "_"), table.model_fields, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    elsewhere = _find(place[-1], schema)
    if elsewhere:
        return f"Did you mean {elsewhere}?"
    return f"Known here: {', '.join(table.model_fields)}."


def _find(key: str, schema: type[BaseModel], prefix: str = "") -> str:
    """Return the dotted place of a key that stands in another table, or ""."""
    for name, field in schema.model_fields.items():
        dotted = f"{prefix}{name}"
        if name == key:
            return dotted
        table = _table(field)
        inner = _find(key, table, f"{dotted}.") if table else ""
        if inner:
            return inner
    return ""


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
