"""What of a text may reach a terminal, or a file that will be shown there."""

from __future__ import annotations

import unicodedata


def visible(text: str) -> str:
    """Return `text` without control characters but line ends and tabs.

    What a model or a data set holds is nobody's word: an escape sequence could rewrite the screen
    or the window's title, a direction mark could turn the text round.
    """
    return "".join(c for c in text if c in "\n\t" or not _controls(c))


def escaped(text: str) -> str:
    r"""Return `text` with what `visible` leaves out as escapes: \\x1b."""
    shown = (c if c in "\n\t" or not _controls(c) else _escape(c) for c in text)
    return "".join(shown)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _controls(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in ("Cc", "Cs") or unicodedata.bidirectional(character) in _TURNING


_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
