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
