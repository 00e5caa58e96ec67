"""Free text: losses as ratios of sums, exact answers, word overlap."""

from __future__ import annotations

import math
from typing import Any

import pytest

from compare.makers import GOLDEN, names, output, sample
from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Score
from mlxr.compare.scorers import SCORERS, ScorerOptions
from mlxr.compare.scorers.text import Text, token_f1
from mlxr.compare.statistics import compare_metric

TEXT = Text(ScorerOptions())
METRICS: dict[str, Metric] = {metric.name: metric for metric in TEXT.metrics}
NLL = GOLDEN["nll"]


def scored(written: Output, target: str = "The cat sat.") -> Score:
    return TEXT.score(sample(target), written)


@pytest.mark.parametrize("case", NLL, ids=lambda case: case["id"])
def test_golden_loss_of_a_uniform_model(case: dict[str, Any]) -> None:
    """Every target token costs ln 10; no padding token is among them."""
    targets = case.get("expect_targets", 3)
    score = scored(output("", nll=targets * math.log(10), target_tokens=targets))
    per_token = METRICS["nll_per_token"].of(score.values["nll_per_token"])
    assert per_token == pytest.approx(case.get("expect_nll", case.get("nll_per_token")), abs=1e-6)
    if "bits_per_byte" in case:
        per_byte = METRICS["bits_per_byte"].of(score.values["bits_per_byte"])
        assert per_byte == pytest.approx(case["bits_per_byte"], abs=1e-6)


def test_all_golden_cases_are_there() -> None:
    assert len(NLL) == 3


def test_losses_are_ratios_of_sums() -> None:
    values = [scored(output("", nll=n, target_tokens=t)).values for n, t in ((1.0, 1), (30.0, 10))]
    total = METRICS["nll_per_token"].total([v["nll_per_token"] for v in values])
    assert total == 31 / 11


@pytest.mark.parametrize("nll", [None, math.nan, math.inf])
def test_a_loss_that_was_not_measured_is_unscored(nll: float | None) -> None:
    assert set(scored(output("", nll=nll)).values) == {"exact", "token_f1", "truncated"}
    assert "nll_per_token" not in scored(output("", nll=0.0, target_tokens=0)).values


def test_exact_ignores_case_width_and_space_but_no_punctuation() -> None:
    right = [scored(output(text)).values["exact"] for text in ("the  CAT\nsat. ", "Ｔhe cat sat.")]
    assert right == [1.0, 1.0]
    assert scored(output("The cat sat")).values["exact"] == 0.0


@pytest.mark.parametrize(
    ("target", "text", "expected"),
    [
        ("the cat sat", "The cat, sat!", 1.0),
        ("the cat sat", "the the the", 1 / 3),
        ("the cat sat", "the cat", 0.8),
        ("the cat sat", "", 0.0),
        ("", "cat", 0.0),
        ("...", "...", 1.0),
        ("...", "!", 0.0),
    ],
)
def test_word_f1(target: str, text: str, expected: float) -> None:
    assert token_f1(target, text) == pytest.approx(expected)


def test_an_output_that_failed_counts_as_wrong() -> None:
    score = scored(output("The cat sat.", "error"))
    assert (score.values["exact"], score.values["token_f1"]) == (0.0, 0.0)
    assert score.errors == ("generation_failed",)


def test_a_lower_loss_is_better_and_the_interval_is_a_bootstrap() -> None:
    base = [scored(output("", nll=6.0 + i % 3)) for i in range(40)]
    tuned = [scored(output("", nll=3.0 + i % 3)) for i in range(40)]
    paired = compare_metric(METRICS["nll_per_token"], base, tuned, names(40), 0)
    assert paired is not None
    assert paired.delta == pytest.approx(-1.0)
    assert paired.interval is not None
    assert paired.interval.method == "bootstrap_percentile"


def test_the_registry_makes_a_text_scorer() -> None:
    scorer = SCORERS["text"](ScorerOptions())
    assert scorer.primary in {metric.name for metric in scorer.metrics}
    assert scorer.check(sample(" ")) == "the target is empty"
    assert scorer.check(sample("x")) is None
    assert scorer.baselines(["a", "b", "b"])["most_common"](sample("x")) == "b"
    assert scorer.baselines(["a", "b"]) == {}
