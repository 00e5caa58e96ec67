"""The rule by which a fused model is refused."""

from __future__ import annotations

from typing import Any

import pytest

from mlxr.export.proof import Proof, read_proof


def proof(equal: int = 100, mean: float = 0.0, base_mean: float = 2.0) -> Proof:
    return Proof(100, equal, mean, 3 * mean, base_mean, 3 * base_mean)


@pytest.mark.parametrize(
    ("made", "lost"),
    [
        (proof(), False),
        (proof(equal=50), False),
        (proof(equal=49), True),
        (proof(mean=0.2), False),
        (proof(mean=0.21), True),
        (proof(mean=2.5), True),
        (proof(base_mean=0.0), False),
        (proof(equal=40, base_mean=0.0), True),
    ],
)
def test_lost_is_too_few_equal_answers_or_too_little_of_the_effect(made: Proof, lost: bool) -> None:
    assert made.lost is lost


def test_kept_is_one_for_the_same_model_and_none_for_the_base() -> None:
    assert proof().kept == 1
    assert proof(mean=2.0).kept == 0
    assert proof(base_mean=0.0).kept is None


def test_the_figures_are_never_rounded_up_to_all() -> None:
    made = Proof(3000, 2999, 1e-6, 1e-5, 2.0, 9.0)
    assert made.figures == [
        "equal greedy answers, up to 128 tokens: 2999 of 3000 (99.9 %)",
        "effect on the logits: 99.9 % kept (mean |Δ| 1e-06 and at most 1e-05;"
        " the base without the adapter: 2 and 9)",
    ]
    assert (
        proof(base_mean=0.0)
        .figures[1]
        .startswith("effect on the logits: the adapter has no effect (mean |Δ| 0 ")
    )


def test_three_conclusions() -> None:
    assert "does what the adapter" in proof(equal=98).conclusion
    assert "rounding shows" in proof(equal=97).conclusion
    assert "was lost" in proof(equal=98, mean=1.0).conclusion


def test_the_rows_that_differ_are_named() -> None:
    found: dict[str, Any] = {
        "equal": [True, False, True],
        "fused": {"mean": 0.2, "max": 0.5},
        "base": {"mean": 1.0, "max": 4.0},
    }
    made = read_proof(found, ["a", "b", "c"])
    assert made == Proof(3, 2, 0.2, 0.5, 1.0, 4.0, ("b",))
    document = made.to_json()
    assert document["lost"] is True
    assert document["share"] == pytest.approx(2 / 3)
    assert document["kept"] == pytest.approx(0.8)
