"""Clusters: samples that belong together are no independent evidence, whatever the metric."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.makers import names
from mlxr.compare.clusters import added, effective_n
from mlxr.compare.metric import Metric
from mlxr.compare.sample import Score, Value
from mlxr.compare.statistics import compare_metric, estimate

METRICS = {
    "binary": Metric("m", "binary", True, "m", ""),
    "mean": Metric("m", "mean", True, "m", "", unit="points"),
    "ratio": Metric("m", "ratio", True, "m", "", aggregate=lambda s: s[0] / s[1]),
    "rank": Metric("m", "rank", True, "m", ""),
}


def scored(kind: str, n: int, lift: float, seed: int) -> list[Score]:
    random = Random(seed)

    def value(i: int) -> Value:
        if kind == "binary":
            return float(random.random() < 0.5 + lift)
        drawn = random.gauss(lift, 0.3)
        values: dict[str, Value] = {"ratio": (drawn, 1.0), "rank": (drawn, float(i % 2))}
        return values.get(kind, drawn)

    return [Score({"m": value(i)}) for i in range(n)]


@pytest.mark.parametrize("kind", METRICS)
def test_a_sample_four_times_is_one_sample(kind: str) -> None:
    """Interval and p of copies in a cluster are near those of the originals, and not sharper."""
    metric, n = METRICS[kind], 60
    base, tuned = scored(kind, n, 0.0, 1), scored(kind, n, 0.2, 2)
    once = compare_metric(metric, base, tuned, names(n), 0)
    ids, clusters = names(4 * n), names(n) * 4
    four = compare_metric(metric, base * 4, tuned * 4, ids, 0, clusters)
    apart = compare_metric(metric, base * 4, tuned * 4, ids, 0)
    assert once is not None
    assert four is not None
    assert apart is not None
    assert once.interval is not None
    assert four.interval is not None
    assert apart.interval is not None
    assert (four.n, four.clusters) == (240, 60)
    assert four.delta == pytest.approx(once.delta)
    width = once.interval.high - once.interval.low
    assert four.interval.high - four.interval.low == pytest.approx(width, rel=0.04)
    assert apart.interval.high - apart.interval.low < 0.6 * width
    assert four.p == pytest.approx(once.p, abs=0.02)


@pytest.mark.parametrize("kind", METRICS)
def test_one_arm_knows_clusters_too(kind: str) -> None:
    tuned = scored(kind, 60, 0.2, 2)
    once = estimate(METRICS[kind], tuned, names(60), 0)
    four = estimate(METRICS[kind], tuned * 4, names(240), 0, names(60) * 4)
    assert once is not None
    assert four is not None
    assert once.interval is not None
    assert four.interval is not None
    width = once.interval.high - once.interval.low
    assert four.interval.high - four.interval.low == pytest.approx(width, rel=0.04)


@pytest.mark.parametrize("kind", METRICS)
def test_clusters_of_one_change_nothing(kind: str) -> None:
    metric, base, tuned = METRICS[kind], scored(kind, 30, 0.0, 1), scored(kind, 30, 0.2, 2)
    alone = compare_metric(metric, base, tuned, names(30), 0, [f"c{i}" for i in range(30)])
    assert alone == compare_metric(metric, base, tuned, names(30), 0)


@pytest.mark.parametrize("kind", METRICS)
def test_one_cluster_shows_nothing(kind: str) -> None:
    metric, base, tuned = METRICS[kind], scored(kind, 30, 0.0, 1), scored(kind, 30, 0.4, 2)
    found = compare_metric(metric, base, tuned, names(30), 0, ["c"] * 30)
    assert found is not None
    assert (found.se, found.clusters) == (None, 1)
    assert found.p >= 0.5


@given(st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 1.0]), st.integers(0, 9)), min_size=1))
def test_clusters_are_worth_at_most_their_samples(rows: list[tuple[float, int]]) -> None:
    values, clusters = [value for value, _ in rows], [cluster for _, cluster in rows]
    assert 0 < effective_n(values, clusters) <= len(values)


def test_sums_are_kept_in_order_of_appearance() -> None:
    assert added([(1.0, 2.0), (5.0, 0.0), (3.0, 1.0)], ["a", "b", "a"]) == [(4.0, 3.0), (5.0, 0.0)]
