"""Conclusions from labels, categories and the size of the test split."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from mlxr.power import DIFFER, VERDICT, samples_needed, smallest_difference
from mlxr.prep.audit.fields import Variety
from mlxr.prep.audit.findings import FINDINGS, Finding
from mlxr.prep.audit.hits import Audited, Hits, listed

_UNDESIRABLE = frozenset(("false", "undesirable", "bad", "rejected", "negative"))
_NUMERIC = ({"0", "1"}, {"-1", "1"})
"""Columns of just these two numbers, the first of them for the bad ones."""

RARE = 0.05
"""Share of the training rows under which a category is rare."""
_ROWS = 20
"""Training rows below which balance is not judged: 5 % would be less than one."""

LARGE = 0.2
"""Difference that any test should be able to show."""
SMALL = 0.1
"""Difference that a good test shows."""


def undesirable(entries: Sequence[Audited]) -> list[Finding]:
    """Return the rows in train or valid that are labelled undesirable.

    Labels that say so: false, undesirable, bad, rejected, negative; 0 or -1 where the only other
    label is 1. Labels that stand for a few answers are what is to be learned, and say nothing.
    """
    labelled = [e for e in entries if e.content and e.content.label is not None]
    labels = {e.content.label for e in labelled if e.content}
    wrong = _UNDESIRABLE | ({"0", "-1"} if labels in _NUMERIC else set())
    answers, hits = Variety(), Hits()
    for entry in labelled:
        if entry.content:
            answers.add(entry.content.answer, entry.content.answer)
            if entry.content.label in wrong and entry.split in ("train", "valid"):
                hits.add(entry)
    if not hits.total or answers.closed:
        return []
    return [hits.finding("undesirable-in-train", len(entries))]


def imbalanced(entries: Sequence[Audited]) -> list[Finding]:
    """Return the training rows of categories, or else labels, that are rare."""
    train = [(e, name) for e in entries if e.split == "train" and (name := _category(e))]
    sizes = Counter(name for _, name in train)
    rare = [name for name, count in sizes.items() if count < RARE * len(train)]
    if len(train) < _ROWS or not rare:
        return []
    hits, chosen = Hits(), set(rare)
    for entry, name in train:
        if name in chosen:
            hits.add(entry)
    if 2 * len(sizes) > len(train):
        said = f"the category has {len(sizes):,} different values, like an identifier"
    else:
        rare.sort(key=lambda name: (sizes[name], name))
        many = "a category" if len(rare) == 1 else f"{len(rare):,} categories"
        named = listed([f"{name} ({sizes[name]:,})" for name in rare])
        said = f"{many} of {len(sizes):,} under 5 % of the training rows: {named}"
    return [hits.finding("imbalanced", len(train), said)]


def _category(entry: Audited) -> str | None:
    return entry.category or (entry.content.label if entry.content else None)


def test_too_small(entries: Sequence[Audited]) -> list[Finding]:
    """Return whether the test split can only show differences over 20 points."""
    rows = sum(entry.split == "test" for entry in entries)
    if not rows or (smallest := smallest_difference(rows)) <= LARGE:
        return []
    needed = samples_needed(math.sqrt(DIFFER), SMALL)
    few = f"; under {VERDICT} rows, compare gives no verdict" if rows < VERDICT else ""
    kind = FINDINGS["test-too-small"]
    shows = f"it shows a difference only from {100 * smallest:.0f} points on"
    if smallest > DIFFER:  # more than there is where the arms differ in so many rows
        shows = "too few to show a difference"
    has = f"test has {rows:,} {'row' if rows == 1 else 'rows'}"
    message = f"{has}: {shows}{few}. {needed:,} rows would show 10 points."
    return [Finding("test-too-small", kind.level, message, {"test": rows}, (), kind.fix)]
