"""What is said of another library's error."""

from __future__ import annotations

import pytest

from mlxr.errors import first_line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one \ntwo"), "one"),
        (ValueError("\n\n  one"), "one"),
        (ValueError(" \n"), "ValueError"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_an_error_is_told_by_its_first_line_or_its_kind(error: Exception, said: str) -> None:
    assert first_line(error) == said
