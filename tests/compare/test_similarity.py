"""ROUGE and chrF2: the golden figures of the packages that papers quote."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare.makers import GOLDEN
from mlxr.compare.similarity import KINDS, chrf2, rouge
from mlxr.compare.words import sentences


@pytest.mark.parametrize("case", GOLDEN["rouge"], ids=lambda case: case["id"])
def test_golden_rouge(case: dict[str, Any]) -> None:
    found = rouge(case["ref"], case["hyp"], stem=case["stem"])
    for name, expected in case["expect_f"].items():
        assert found[name].f == pytest.approx(expected, abs=1e-6), name
    for name, expected in case["expect_pr"].items():
        assert found[name][:2] == pytest.approx(expected, abs=1e-6), name


@pytest.mark.parametrize("case", GOLDEN["chrf2"], ids=lambda case: case["hyp"])
def test_golden_chrf2(case: dict[str, Any]) -> None:
    assert 100 * chrf2(case["ref"], case["hyp"]) == pytest.approx(case["expect"], abs=1e-4)


WORDS = (
    "Police killed the gunmen. They run, RUNNING; policing 3.5 cities! A an Ants Tür … I ? \n"
).split(" ")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


@given(TEXTS, TEXTS, st.booleans())
@settings(max_examples=200, deadline=None)  # the first call imports a package
def test_rouge_is_rouge_scores_to_the_last_bit(target: str, text: str, stem: bool) -> None:
    """Stems kept, tokens kept and a faster common subsequence change nothing."""
    from rouge_score.rouge_scorer import RougeScorer

    lines = ["\n".join(sentences(side)) for side in (target, text)]
    theirs = RougeScorer(list(KINDS), use_stemmer=stem).score(*lines)
    ours = rouge(target, text, stem=stem)
    assert {name: tuple(found) for name, found in ours.items()} == {
        name: tuple(found) for name, found in theirs.items()
    }


@given(TEXTS, TEXTS)
@settings(deadline=None)  # the first call imports a package
def test_chrf_is_sacrebleus_to_the_last_bit(target: str, text: str) -> None:
    from sacrebleu.metrics.chrf import CHRF

    for one in (text, target):
        assert chrf2(target, one) == CHRF().sentence_score(one, [target]).score / 100


def test_the_installed_rouge_score_is_left_as_it_is() -> None:
    from rouge_score import rouge_scorer

    rouge("a cat", "a dog")
    assert rouge_scorer.lcs_ind.__module__ == "rouge_score.rouge_scorer"


def test_lsum_compares_sentence_by_sentence() -> None:
    """The same sentences in another order: nothing lost for Lsum, half of it for L."""
    one, other = "The dog barked loudly. A cat ran away.", "A cat ran away. The dog barked loudly."
    assert rouge(one, other)["rougeLsum"].f == pytest.approx(1)
    assert rouge(one, other)["rougeL"].f == pytest.approx(0.5)
