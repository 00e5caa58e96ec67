"""Data inside a page: model text is hostile, and must stay text."""

from __future__ import annotations

import json

_UNSAFE = str.maketrans({c: f"\\u{ord(c):04x}" for c in "&<>"})


def embedded(value: object) -> str:
    r"""Return a JSON value for a <script type="application/json"> element of a page.

    Nothing in it can end the element: & < > are written \uXXXX, as is all that is not ASCII,
    U+2028, U+2029 and half characters among it. Raises ValueError on NaN and infinity.
    """
    return json.dumps(value, ensure_ascii=True, allow_nan=False).translate(_UNSAFE)
