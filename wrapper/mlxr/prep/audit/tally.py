"""Counting findings while rows go by, in constant memory."""

from __future__ import annotations

from collections import Counter

EXAMPLES = 3
"""Places named in a finding."""
REASONS = 100
"""Different reasons remembered of a finding; further ones are counted together."""
OTHER = "something else"


class Tally:
    """Counts of each finding while rows go by."""

    def __init__(self) -> None:
        self.read = 0
        """Rows of the source that were read."""
        self.rows = 0
        """Rows taken: those that `where` and `limit` did not leave out."""
        self.longest = 0
        """Tokens of the longest record over max_seq_length."""
        self.counts: dict[str, Counter[str]] = {}
        self.reasons: dict[str, Counter[str]] = {}
        self.examples: dict[str, list[str]] = {}
        self._latest: dict[str, str] = {}

    def add(self, code: str, split: str | None, place: str, reason: str = "") -> None:
        """Count one row for a finding; the records of one row follow each other and count once."""
        if self._latest.get(code) == place:
            return
        self._latest[code] = place
        self.counts.setdefault(code, Counter())[split or "unsplit"] += 1
        examples = self.examples.setdefault(code, [])
        if len(examples) < EXAMPLES:
            examples.append(place)
        reasons = self.reasons.setdefault(code, Counter())
        known = reason in reasons or len(reasons) < REASONS
        reasons[reason if known else OTHER] += 1

    def total(self, code: str) -> int:
        """Return the rows counted for a finding."""
        return sum(self.counts.get(code, {}).values())
