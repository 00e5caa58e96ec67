"""ROUGE and chrF2: the golden figures of the packages that papers quote."""

from __future__ import annotations

from typing import Any

import pytest

from compare.makers import GOLDEN
from mlxr.compare.similarity import chrf2, rouge


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


@pytest.mark.parametrize("stem", [True, False])
def test_stems_kept_from_before_change_no_score(stem: bool) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    theirs = RougeScorer(["rouge1", "rouge2"], use_stemmer=stem)
    texts = "Police killed the gunmen running.", "They run; killing gunman, policing 3.5 cities."
    for target, text in (texts, texts[::-1], texts):
        expected = {name: found.fmeasure for name, found in theirs.score(target, text).items()}
        ours = rouge(target, text, ("rouge1", "rouge2"), stem=stem)
        assert {name: found.f for name, found in ours.items()} == expected


def test_lsum_compares_sentence_by_sentence() -> None:
    """The same sentences in another order: nothing lost for Lsum, half of it for L."""
    one, other = "The dog barked loudly. A cat ran away.", "A cat ran away. The dog barked loudly."
    assert rouge(one, other)["rougeLsum"].f == pytest.approx(1)
    assert rouge(one, other)["rougeL"].f == pytest.approx(0.5)
