"""Answers that need no model: what every model has to beat."""

from __future__ import annotations

from collections.abc import Callable

from mlxr.compare.sample import Sample

Baseline = Callable[[Sample], str | None]
"""Returns its answer to a sample; None if it cannot know one, which leaves the baseline out."""


def constant(text: str) -> Baseline:
    """Return the baseline that answers the same to everything."""
    return lambda _: text
