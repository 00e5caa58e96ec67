"""Judging in both orders: the golden games, and a judge that looks at the order alone."""

from __future__ import annotations

import pytest

from compare.makers import GOLDEN
from mlxr.compare.pairwise import Preferred, tally

ARM: dict[str, Preferred] = {"ft": "tuned", "base": "base", "tie": "tie"}


def test_golden_games() -> None:
    games = [(ARM[one], ARM[other]) for one, other in GOLDEN["judge"]["games"]]
    expected = GOLDEN["judge"]["expect"]
    found = tally(games)
    assert (found.wins, found.losses, found.ties) == tuple(
        expected[name] for name in ("win", "loss", "tie")
    )
    assert found.win_rate == pytest.approx(expected["win_rate_adjusted"], abs=1e-6)
    assert found.consistency == pytest.approx(expected["order_consistency"], abs=1e-6)
    assert found.p == pytest.approx(expected["sign_test_p"])


def test_a_judge_that_prefers_the_first_slot_decides_nothing() -> None:
    found = tally([("tuned", "base")] * 12)
    assert (found.wins, found.losses, found.win_rate, found.p) == (0, 0, 0.5, 1.0)
    assert found.consistency == 0.0
