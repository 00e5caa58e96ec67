"""What a row's label says of its answer: to be imitated, or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlxr.prep.conversation import BadRowError

_WORDS = {
    **dict.fromkeys(("desirable", "chosen", "good", "positive", "true", "yes", "1", "1.0"), True),
    **dict.fromkeys(
        ("undesirable", "rejected", "bad", "negative", "false", "no", "0", "0.0", "-1", "-1.0"),
        False,
    ),
}


def desirable(row: Mapping[str, Any], column: str | None, *, templated: bool) -> bool | None:
    """Return whether a row's answer is desirable, or None where nothing says so.

    A recipe names the column. Where it does not, and no template gives a column `label` another
    use, a `label` of true or false is taken for one, as in KTO's format. Raises BadRowError when
    the named column says neither.
    """
    if column is None:
        value = None if templated else row.get("label")
        return value if isinstance(value, bool) else None
    value = row.get(column)
    if value in (None, ""):
        return None
    known = _WORDS.get(str(value).strip().casefold())
    if known is None:
        raise BadRowError(f"'{column}' is {str(value)[:40]!r}, neither desirable nor undesirable")
    return known
