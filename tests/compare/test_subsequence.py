"""Common subsequences: the very words that rouge-score finds, which it takes longer to find."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxr.compare.subsequence import common

WORDS = st.lists(st.sampled_from("abcdef"), max_size=80)


@given(WORDS, WORDS)
@settings(max_examples=300, deadline=None)  # the first call imports a package
def test_of_several_longest_it_is_the_one_rouge_score_takes(
    target: list[str], text: list[str]
) -> None:
    from rouge_score.rouge_scorer import lcs_ind

    assert common(target, text) == lcs_ind(target, text)


@pytest.mark.parametrize(
    ("target", "text", "places"),
    [("abcd", "bd", [1, 3]), ("abab", "ab", [2, 3]), ("", "a", []), ("a", "", [])],
)
def test_places_in_the_target(target: str, text: str, places: list[int]) -> None:
    assert common(target, text) == places
