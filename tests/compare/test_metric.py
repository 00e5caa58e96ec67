"""A metric adds up scores in any order, knows which way is better and how it is written."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxr.compare.metric import Metric


def _quotient(sums: Sequence[float]) -> float:
    return sums[0] / sums[1]


RIGHT = Metric("right", "binary", True, "right answers", "")
LOSS = Metric("loss", "ratio", False, "loss", "", aggregate=_quotient, unit="nats/token")


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1).flatmap(
        lambda x: st.tuples(st.just(x), st.permutations(x))
    )
)
def test_the_order_of_samples_does_not_change_a_total(
    lists: tuple[list[float], list[float]],
) -> None:
    one, other = lists
    assert RIGHT.total(one) == RIGHT.total(other)


def test_a_ratio_adds_before_it_divides() -> None:
    assert LOSS.total([(1.0, 1.0), (30.0, 10.0)]) == 31 / 11
    assert LOSS.of((3.0, 2.0)) == 1.5


def test_no_samples_have_no_total() -> None:
    with pytest.raises(ValueError, match="no sample has a score"):
        RIGHT.total([])


def test_a_value_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(TypeError):
        RIGHT.total([(1.0, 2.0)])
    with pytest.raises(TypeError):
        LOSS.total([1.0])
    with pytest.raises(ValueError, match="aggregate"):
        Metric("x", "ratio", True, "x", "")


def test_better_follows_the_direction() -> None:
    assert RIGHT.better(0.6, 0.5)
    assert not RIGHT.better(0.5, 0.5)
    assert LOSS.better(1.0, 2.0)
    assert not LOSS.better(2.0, 2.0)


def test_shares_are_written_in_per_cent_and_differences_in_points() -> None:
    assert (RIGHT.show(0.42), RIGHT.show_delta(-0.053)) == ("42.0 %", "-5.3 points")
    assert (LOSS.show(2.30259), LOSS.show_delta(0.1)) == ("2.303 nats/token", "+0.1 nats/token")
