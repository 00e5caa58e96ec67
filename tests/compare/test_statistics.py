"""A metric on both arms: the method by kind, what is counted, what is left out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.makers import GOLDEN, binary, names
from mlxr.compare.intervals import mcnemar, newcombe, standard_error, student_t, wilson
from mlxr.compare.metric import Metric
from mlxr.compare.sample import Score
from mlxr.compare.scorers.extraction import f1
from mlxr.compare.statistics import (
    compare_metric,
    estimate,
    holm,
    outcome,
)
from mlxr.power import samples_needed, smallest_detectable

STATS = GOLDEN["stats"]
RIGHT = Metric("right", "binary", True, "right answers", "")
WRONG = Metric("right", "binary", False, "wrong answers", "")
GRADE = Metric("grade", "mean", True, "grade", "", unit="points", tie_band=0.5)
F1 = Metric("f1", "ratio", True, "F1", "", aggregate=f1)


def graded(values: list[float]) -> list[Score]:
    return [Score({"grade": value}) for value in values]


def counted(rows: list[tuple[float, ...]]) -> list[Score]:
    return [Score({"f1": row}) for row in rows]


def test_golden_holm_and_sample_sizes() -> None:
    assert holm(STATS["holm"]["p"]) == pytest.approx(STATS["holm"]["expect"])
    assert smallest_detectable(STATS["mde"]["se"]) == pytest.approx(
        STATS["mde"]["expect"], abs=1e-6
    )
    case = STATS["n_needed"]
    assert samples_needed(case["sd"], case["delta"]) == case["expect"]


def test_golden_bootstrap_of_micro_f1() -> None:
    case = STATS["micro_f1_paired_bootstrap"]
    rows = [[tuple(map(float, row)) for row in case[arm]] for arm in ("base", "ft")]
    base, tuned = map(counted, rows)
    found = compare_metric(F1, base, tuned, names(4), case["seed"])
    assert found is not None
    assert (found.base, found.tuned) == pytest.approx((case["base_f1"], case["ft_f1"]), abs=1e-6)
    assert found.delta == pytest.approx(case["expect"][0], abs=1e-6)
    assert found.interval is not None
    ends = (found.interval.low, found.interval.high)
    assert ends == pytest.approx(case["expect"][1:], abs=0.02)


def test_pass_and_fail_are_counted_by_which_way_is_better() -> None:
    base, tuned = binary([1, 1, 0, 0, 0]), binary([1, 0, 1, 1, 0])
    up = compare_metric(RIGHT, base, tuned, names(5), 0)
    down = compare_metric(WRONG, base, tuned, names(5), 0)
    assert up is not None
    assert down is not None
    assert (up.fixed, up.broken, up.both, up.neither) == (2, 1, 1, 1)
    assert (down.fixed, down.broken, down.both, down.neither) == (1, 2, 1, 1)
    assert up.delta == down.delta == 0.2
    assert up.interval == newcombe(1, 1, 2, 1)
    assert (up.p, up.p_method) == (mcnemar(1, 2).midp, "mcnemar_midp")
    assert up.interval is not None
    assert up.interval.method == "newcombe10"


def test_graded_metrics_use_t_and_sign_flips() -> None:
    base, tuned = graded([1, 2, 3]), graded([2, 4, 3])
    found = compare_metric(GRADE, base, tuned, names(3), 0)
    assert found is not None
    assert found.interval == student_t([1, 2, 0])
    assert (found.delta, found.p, found.p_method) == (1.0, 0.5, "sign_flip")
    assert found.mde == smallest_detectable(standard_error([1, 2, 0]))
    assert (found.fixed, found.neither) == (None, None)


def test_unscored_samples_are_left_out_of_both_arms() -> None:
    base, tuned = [*graded([1, 2, 3]), Score({})], [Score({}), *graded([4, 4, 9])]
    found = compare_metric(GRADE, base, tuned, names(4), 0)
    assert found is not None
    assert (found.n, found.base, found.tuned) == (2, 2.5, 4.0)
    assert compare_metric(F1, base, tuned, names(4), 0) is None
    one = estimate(GRADE, base, names(4), 0)
    assert one is not None
    assert (one.value, one.n, one.unscored) == (2.0, 3, 1)
    assert estimate(F1, base, names(4), 0) is None


@pytest.mark.parametrize("metric", [RIGHT, GRADE, F1])
def test_one_sample_has_no_spread(metric: Metric) -> None:
    value = (1.0, 0.0, 0.0, 0.0) if metric is F1 else 1.0
    scores = [Score({metric.name: value})]
    found = compare_metric(metric, scores, scores, names(1), 0)
    assert found is not None
    assert (found.n, found.delta, found.p, found.se, found.mde) == (1, 0.0, 1.0, None, None)


def test_intervals_of_one_arm_follow_the_kind() -> None:
    one = estimate(RIGHT, binary([1, 1, 0]), names(3), 0)
    two = estimate(GRADE, graded([1, 2, 4]), names(3), 0)
    three = estimate(F1, counted([(1, 0, 0, 0), (0, 1, 0, 0), (2, 0, 1, 0)]), names(3), 0)
    assert one is not None
    assert two is not None
    assert three is not None
    assert three.interval is not None
    assert (one.interval, two.interval) == (wilson(2, 3), student_t([1, 2, 4]))
    assert 0 <= three.interval.low <= three.value <= three.interval.high <= 1


def test_ids_must_be_unique() -> None:
    with pytest.raises(ValueError, match="not unique"):
        compare_metric(RIGHT, binary([1, 1]), binary([1, 1]), ["a", "a"], 0)


def test_what_became_of_each_sample() -> None:
    cells = [(0, 1), (1, 0), (1, 1), (0, 0)]
    pairs = [(binary([b])[0], binary([t])[0]) for b, t in cells]
    assert [outcome(RIGHT, b, t) for b, t in pairs] == ["fixed", "broken", "both", "neither"]
    assert [outcome(WRONG, b, t) for b, t in pairs] == ["broken", "fixed", "neither", "both"]
    grades = [graded([1, after]) for after in (1.6, 0.4, 1.5)]
    assert [outcome(GRADE, b, t) for b, t in grades] == ["win", "loss", "tie"]
    assert outcome(RIGHT, Score({}), Score({"right": 1.0})) == "unscored"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_a_p_and_keeps_the_order(ps: list[float]) -> None:
    adjusted = holm(ps)
    assert all(a >= p for a, p in zip(adjusted, ps, strict=True))
    assert all(a <= 1 and not math.isnan(a) for a in adjusted)
    ranked = [a for _, a in sorted(zip(ps, adjusted, strict=True))]
    assert ranked == sorted(ranked)
