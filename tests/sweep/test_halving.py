"""How far settings are trained before the worse half is left behind."""

from __future__ import annotations

import pytest

from mlxr.sweep.halving import rung, shares
from mlxr.train.config import Schedule


@pytest.mark.parametrize(
    ("settings", "expected"),
    [(1, []), (2, [0.5]), (3, [0.25, 0.5]), (4, [0.25, 0.5]), (8, [0.125, 0.25, 0.5])],
)
def test_each_rung_has_twice_the_iterations(settings: int, expected: list[float]) -> None:
    assert shares(settings) == expected


def test_a_rung_is_where_the_loss_is_measured() -> None:
    length = Schedule(100, 50, 100, steps_per_eval=30, save_every=30)
    assert [rung(length, share) for share in (0.125, 0.25, 0.5, 0.95)] == [30, 30, 60, 100]
