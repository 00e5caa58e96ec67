"""Labelled answers: a reward is what tuning added, and it must rank wanted above unwanted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compare.makers import names, output, sample
from mlxr.compare.case import Case
from mlxr.compare.judge import Judgement, judge
from mlxr.compare.sample import Output, Sample
from mlxr.compare.scorers import ScorerOptions
from mlxr.compare.scorers.preference import Preference
from mlxr.recipe import Compare

SCORER = Preference(ScorerOptions(desirable="good"))
GOOD, BAD = (replace(sample("Yes."), category=label) for label in ("good", "bad"))


def answered(nll: float, base: float | None) -> Output:
    return replace(output("Yes.", nll=nll, target_tokens=4), base_nll=base)


def test_a_reward_is_the_loss_that_tuning_took_away() -> None:
    found = SCORER.score(GOOD, answered(2.0, 5.0)).values
    assert found["label_auroc"] == (3.0, 1.0)
    assert found["label_auroc_per_token"] == (0.75, 1.0)
    assert found["nll_desirable"] == (2.0, 4.0)
    assert "nll_undesirable" not in found
    assert SCORER.score(BAD, answered(2.0, 5.0)).values["label_auroc"] == (3.0, 0.0)


def test_without_a_loss_nothing_is_ranked() -> None:
    assert set(SCORER.score(GOOD, output("Yes.")).values) == {"truncated"}
    unknown = SCORER.score(GOOD, answered(2.0, None)).values
    assert "label_auroc" not in unknown
    assert "nll_desirable" in unknown


def test_a_label_must_be_there() -> None:
    assert SCORER.check(GOOD) is None
    said = "it has no label (name the column of labels in compare.category)"
    assert SCORER.check(sample("x")) == said


def judged(wanted: float, unwanted: float) -> Judgement:
    """Tuning takes so many nats off wanted and unwanted answers, give or take."""
    cases = [replace((GOOD, BAD)[i % 2], id=name) for i, name in enumerate(names(40))]
    base = [output(f"a{i}", nll=9.0 + i % 7, target_tokens=4) for i in range(40)]

    def tune(case: Sample, before: Output, i: int) -> Output:
        off = (wanted if case.category == "good" else unwanted) + 0.1 * (i % 5)
        return replace(before, text=f"b{i}", nll=(before.nll or 0) - off)

    tuned = [tune(c, b, i) for i, (c, b) in enumerate(zip(cases, base, strict=True))]
    rules = Compare(task="preference", desirable="good", category="label")
    return judge(Case(cases, base, tuned, [], rules, 1, names(40)))


def test_a_model_that_learnt_the_preference_is_better() -> None:
    found = judged(wanted=3.0, unwanted=0.0)
    assert found.verdict.code == "IMPROVED"
    assert (found.results[0].paired.base, found.results[0].paired.tuned) == (0.5, 1.0)


def test_a_model_that_learnt_the_style_only_is_not() -> None:
    """Both kinds became likelier by the same: the loss fell, and nothing was told apart."""
    found = judged(wanted=3.0, unwanted=3.0)
    assert found.verdict.code == "INCONCLUSIVE"
    falls = {r.metric.name: r.paired.delta for r in found.results}
    assert falls["nll_desirable"] == pytest.approx(falls["nll_undesirable"], abs=0.1)
    assert falls["nll_desirable"] < -0.5
