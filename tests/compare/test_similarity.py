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


def test_lsum_compares_sentence_by_sentence() -> None:
    """The same sentences in another order: nothing lost for Lsum, half of it for L."""
    one, other = "The dog barked loudly. A cat ran away.", "A cat ran away. The dog barked loudly."
    assert rouge(one, other)["rougeLsum"].f == pytest.approx(1)
    assert rouge(one, other)["rougeL"].f == pytest.approx(0.5)
