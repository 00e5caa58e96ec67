"""The one exception a user is meant to read."""

from __future__ import annotations


class MlxrError(Exception):
    """Something the user can mend.

    `message` says what is wrong and where (file, row, key) in the user's words;
    `hint` is the next thing to type or change.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def first_line(error: Exception) -> str:
    """Return the first line of what an error says, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip()
