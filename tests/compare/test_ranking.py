"""AUROC and its bootstrap: the golden figure, pairs counted one by one, clusters, symmetry."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.makers import GOLDEN, names
from mlxr.compare.metric import Metric
from mlxr.compare.ranking import auroc, bootstrap_auroc, bootstrap_auroc_one
from mlxr.compare.sample import Score
from mlxr.compare.statistics import compare_metric, outcome

RANK = Metric("rank", "rank", True, "ranking", "")


def test_golden_auroc() -> None:
    case = GOLDEN["stats"]["auroc"]
    values = [(number, 1.0) for number in case["pos"]] + [(number, 0.0) for number in case["neg"]]
    assert auroc(values) == pytest.approx(case["expect"], abs=1e-6)


@given(st.lists(st.tuples(st.integers(-3, 3).map(float), st.sampled_from([0.0, 1.0])), max_size=30))
def test_it_counts_pairs(values: list[tuple[float, float]]) -> None:
    pairs = [(a > b) + (a == b) / 2 for a, high in values if high for b, low in values if not low]
    assert auroc(values) == pytest.approx(sum(pairs) / len(pairs) if pairs else 0.5)


def rewards(n: int, lift: float, seed: int = 1) -> list[tuple[float, float]]:
    random = Random(seed)
    return [(random.gauss(lift * (i % 2), 1), float(i % 2)) for i in range(n)]


def test_the_interval_lies_about_the_value_and_narrows_with_more_samples() -> None:
    widths = []
    for n in (40, 400):
        values = rewards(n, 1.5)
        interval = bootstrap_auroc_one(values, names(n), 0)
        assert interval.low < auroc(values) < interval.high
        widths.append(interval.high - interval.low)
    assert widths[1] < widths[0] / 2


def test_one_conversation_said_four_times_is_no_more_evidence() -> None:
    values = rewards(40, 1.0)
    once = bootstrap_auroc_one(values, names(40), 0)
    apart = bootstrap_auroc_one(values * 4, names(160), 0)
    clustered = bootstrap_auroc_one(values * 4, names(40) * 4, 0)
    assert clustered.high - clustered.low == pytest.approx(once.high - once.low, rel=1e-9)
    assert apart.high - apart.low < 0.6 * (clustered.high - clustered.low)


def test_conversations_with_both_kinds_can_be_drawn() -> None:
    values = rewards(40, 1.5)
    pairs = [f"c{i // 2}" for i in range(40)]
    found = bootstrap_auroc([(0.0, high) for _, high in values], values, pairs, 0)
    assert 0.1 < found.interval.low < auroc(values) - 0.5 <= found.interval.high <= 0.5


def test_rewards_are_held_against_chance() -> None:
    tuned = [Score({"rank": value}) for value in rewards(60, 2.0)]
    base = [Score({"rank": (0.0, float(i % 2))}) for i in range(60)]
    found = compare_metric(RANK, base, tuned, names(60), 0)
    assert found is not None
    assert found.base == 0.5
    assert found.delta == pytest.approx(found.tuned - 0.5)
    assert found.interval is not None
    assert found.interval.low > 0
    assert found.p < 0.001
    mirrored = compare_metric(RANK, tuned, base, names(60), 0)
    assert mirrored is not None
    assert mirrored.interval is not None
    assert mirrored.interval.low == pytest.approx(-found.interval.high)


def test_one_label_alone_cannot_be_ranked() -> None:
    scores = [Score({"rank": (1.0, 1.0)})] * 3
    assert compare_metric(RANK, scores, scores, names(3), 0) is None


@pytest.mark.parametrize(("high", "expected"), [(1.0, "win"), (0.0, "loss")])
def test_a_reward_is_a_gain_only_where_it_is_wanted(high: float, expected: str) -> None:
    base, tuned = Score({"rank": (0.0, high)}), Score({"rank": (2.0, high)})
    assert outcome(RANK, base, tuned) == expected


def test_a_single_wanted_answer_proves_nothing() -> None:
    """Every draw holds the same one, so that the draws themselves would be certain."""
    base = [(0.0, float(i == 0)) for i in range(20)]
    tuned = [(float(i == 0), float(i == 0)) for i in range(20)]
    assert bootstrap_auroc(base, tuned, range(20), 1).p == 1.0


def test_p_is_not_below_students_of_the_same_spread() -> None:
    from scipy.stats import t

    values = [0.9, 0.8, 0.75, 0.7, 0.3, 0.6, 0.4, 0.35, 0.2, 0.1]
    tuned = [(value, float(i < 5)) for i, value in enumerate(values)]
    found = bootstrap_auroc([(0.0, high) for _, high in tuned], tuned, range(10), 1)
    assert found.p >= 2 * t.sf((auroc(tuned) - 0.5) / found.se, 4) * (1 - 1e-9)
    assert found.interval.low > 0
