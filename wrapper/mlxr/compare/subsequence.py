"""The longest common subsequence of two lists of words, a whole column at a time.

A column of the usual table grows by 0 or 1 from row to row; those steps are the bits of one
integer, and a word's whole column follows from the one before by an addition (Hyyrö 2004,
"Bit-parallel LCS-length computation revisited").
"""

from __future__ import annotations

from collections.abc import Sequence


def common(target: Sequence[str], text: Sequence[str]) -> list[int]:
    """Return where in `target` the words of one longest common subsequence stand, in order.

    Of several, it is the one that rouge-score takes: from the end, words that are equal are
    taken; else a word of the text is left out if nothing is lost by it, else one of the target.
    """
    columns = _columns(target, text)
    i, j, found = len(target), len(text), []
    while i and j:
        if target[i - 1] == text[j - 1]:
            i, j = i - 1, j - 1
            found.append(i)
        elif columns[j - 1] >> (i - 1) & 1:
            i -= 1
        else:
            j -= 1
    return found[::-1]


def _columns(target: Sequence[str], text: Sequence[str]) -> list[int]:
    """Return for each word of the text the rows at which the length does not grow, as bits."""
    rows: dict[str, int] = {}
    for i, word in enumerate(target):
        rows[word] = rows.get(word, 0) | 1 << i
    whole = level = (1 << len(target)) - 1
    columns = []
    for word in text:
        met = level & rows.get(word, 0)
        level = ((level + met) | (level - met)) & whole
        columns.append(level)
    return columns
