"""The verdict: codes in their order, the sentence, exit codes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compare.makers import binary, names
from mlxr.compare.alarms import Alarm
from mlxr.compare.metric import Metric
from mlxr.compare.sample import Score, Value
from mlxr.compare.scorers.loss import PER_TOKEN
from mlxr.compare.statistics import Interval, Paired, compare_metric
from mlxr.compare.verdict import COVERS, FEW, Baseline, Rules, Verdict, decide, exit_code

RIGHT = Metric("right", "binary", True, "right answers", "")
CUT = Metric("truncated", "binary", False, "truncated outputs", "")
LOSS = Metric(
    "loss", "ratio", False, "loss on the target", "",
    aggregate=lambda s: s[0] / s[1], unit="nats/token",
)  # fmt: skip
GRADE = Metric("grade", "mean", True, "grade", "")
RED = Alarm("NULL_COLLAPSE", "red", "Nothing but nulls.")
MISMATCH = Alarm("ARM_MISMATCH", "red", "Other prompts.")
YELLOW = Alarm("LOSS_MIRAGE", "yellow", "Near 0.")


def counts(both: int, broken: int, fixed: int, neither: int, metric: Metric = RIGHT) -> Paired:
    cells = [(1, 1)] * both + [(1, 0)] * broken + [(0, 1)] * fixed + [(0, 0)] * neither
    base, tuned = (binary([cell[i] for cell in cells], metric.name) for i in (0, 1))
    found = compare_metric(metric, base, tuned, names(len(cells)), 0)
    assert found is not None
    return found


BETTER = counts(80, 4, 88, 28)
WORSE = counts(80, 88, 4, 28)
UNSURE = counts(60, 5, 8, 27)


def graded(delta: float, low: float, high: float, p: float) -> Paired:
    return Paired(2.0, 2.0 + delta, delta, Interval(low, high, "x"), p, "x", 0.1, 0.28, 40, 40)


def test_a_gain_in_words() -> None:
    verdict = decide(RIGHT, BETTER)
    assert verdict == Verdict(
        "IMPROVED",
        "right",
        "The tuned model is better. Right answers rose from 42.0 % to 84.0 % (+42.0 points; "
        "95 % interval +34.2 to +49.0, p < 0.001, n = 200). 88 fixed, 4 broken. " + COVERS,
    )
    assert verdict.label == "IMPROVED"


def test_a_loss_in_words() -> None:
    verdict = decide(RIGHT, WORSE)
    assert verdict.code == "REGRESSED"
    assert verdict.text.startswith("The tuned model is worse. Right answers fell from 84.0 % to")


def test_a_lower_loss_is_a_gain() -> None:
    verdict = decide(LOSS, graded(-0.5, -0.7, -0.3, 0.001))
    assert verdict.code == "IMPROVED"
    assert "Loss on the target fell from 2 to 1.5 nats/token" in verdict.text
    assert decide(LOSS, graded(0.5, 0.3, 0.7, 0.001)).code == "REGRESSED"


def test_a_likelier_answer_is_not_called_a_better_model() -> None:
    """A model may find the right answer likelier and write none of it."""
    for delta, word in ((-0.5, "more"), (0.5, "less")):
        found = graded(delta, delta - 0.2, delta + 0.2, 0.001)
        assert decide(PER_TOKEN, found).text.startswith(
            f"The tuned model finds the expected answers {word} likely. Loss on the target "
        )


def test_interval_and_test_must_agree() -> None:
    unsure = [(0.2, 0.01, 0.4, 0.06), (0.2, -0.01, 0.4, 0.04)]
    unsure += [(-0.2, -0.4, -0.01, 0.06), (-0.2, -0.4, 0.01, 0.04)]
    for found in (graded(*figures) for figures in unsure):
        verdict = decide(RIGHT, found)
        assert verdict.code == "INCONCLUSIVE"
        assert "a borderline case, interval and test disagree" in verdict.text


def test_an_unsure_result_says_what_would_be_needed() -> None:
    verdict = decide(RIGHT, UNSURE)
    assert verdict.code == "INCONCLUSIVE"
    assert verdict.text == (
        "No difference can be claimed. This test could have shown about 10.1 points; for "
        "3.0 points about 1138 test examples are needed. Right answers rose from 65.0 % to "
        "68.0 % (+3.0 points; 95 % interval -4.3 to +10.3, p = 0.424, n = 100). "
        "8 fixed, 5 broken. " + COVERS
    )
    asked = decide(RIGHT, UNSURE, rules=Rules(min_effect=0.05)).text
    assert "for 5.0 points about 410 test examples are needed" in asked


def test_a_gain_smaller_than_wanted_is_no_improvement() -> None:
    verdict = decide(RIGHT, BETTER, rules=Rules(min_effect=0.5))
    assert verdict.code == "INCONCLUSIVE"
    assert verdict.text.startswith(
        "A gain can be claimed, but not one of 50.0 points (min_effect). "
    )
    assert decide(RIGHT, BETTER, rules=Rules(min_effect=0.42)).code == "IMPROVED"


def test_equivalence_needs_a_margin_from_the_recipe() -> None:
    rules = Rules(equivalence_margin=0.11)
    verdict = decide(RIGHT, UNSURE, rules=rules)
    assert verdict.code == "EQUIVALENT"
    assert "equally good: the interval lies within ±11.0 points." in verdict.text
    assert decide(RIGHT, UNSURE, rules=Rules(equivalence_margin=0.1)).code == "INCONCLUSIVE"
    assert decide(RIGHT, BETTER, rules=Rules(equivalence_margin=0.9)).code == "IMPROVED"


def test_identical_results_bound_the_share_that_differs() -> None:
    verdict = decide(RIGHT, counts(50, 0, 0, 30))
    assert verdict.code == "INCONCLUSIVE"
    assert "identical on all 80; the share of cases that differ is below 3.7 %." in verdict.text
    assert "Right answers stayed at 62.5 % (+0.0 points;" in verdict.text


def test_a_trivial_baseline_must_be_beaten() -> None:
    baselines = [Baseline("all_null", 0.0), Baseline("majority", 0.84), Baseline("other", 0.1)]
    verdict = decide(RIGHT, BETTER, baselines=baselines)
    assert verdict.code == "BELOW_TRIVIAL_BASELINE"
    assert "84.0 %, and 84.0 % for the trivial baseline majority" in verdict.text
    assert decide(RIGHT, BETTER, baselines=[Baseline("m", 0.83)]).code == "IMPROVED"
    lower = decide(LOSS, graded(-0.5, -0.7, -0.3, 0.001), baselines=[Baseline("m", 1.5)])
    assert lower.code == "BELOW_TRIVIAL_BASELINE"


def test_a_red_alarm_blocks_and_a_yellow_one_does_not() -> None:
    blocked = decide(RIGHT, BETTER, alarms=[RED, YELLOW], baselines=[Baseline("m", 0.99)])
    assert (blocked.code, blocked.blockers) == ("BLOCKED", ("NULL_COLLAPSE",))
    assert blocked.text.startswith("No verdict. NULL_COLLAPSE: Nothing but nulls. Right answers")
    assert decide(RIGHT, BETTER, alarms=[YELLOW]).code == "IMPROVED"


def test_degenerate_results_may_be_allowed_but_never_other_prompts() -> None:
    rules = Rules(allow_degenerate=True)
    assert decide(RIGHT, BETTER, alarms=[RED], rules=rules).code == "IMPROVED"
    assert decide(RIGHT, BETTER, alarms=[RED, MISMATCH], rules=rules).blockers == ("ARM_MISMATCH",)


@pytest.mark.parametrize(("n", "code"), [(9, "BLOCKED"), (10, "IMPROVED")])
def test_ten_samples_are_the_least(n: int, code: str) -> None:
    verdict = decide(RIGHT, counts(0, 0, n, 0))
    assert verdict.code == code
    if code == "BLOCKED":
        assert verdict.blockers == (
            "Only 9 samples have a score of right answers; at least 10 are needed.",
        )


def test_problems_and_missing_scores_block() -> None:
    problem = "The targets do not score 100 % against themselves."
    assert decide(RIGHT, BETTER, problems=[problem]).blockers == (problem,)
    nothing = decide(RIGHT, None)
    assert nothing.code == "BLOCKED"
    assert nothing.text.endswith(COVERS)


def test_a_guardrail_that_got_worse_is_named() -> None:
    worse, unsure = counts(0, 0, 12, 88, CUT), counts(0, 1, 3, 96, CUT)
    verdict = decide(RIGHT, BETTER, guardrails=[(CUT, worse)])
    assert (verdict.label, verdict.guardrails) == ("IMPROVED WITH REGRESSIONS", ("truncated",))
    assert "With regressions: truncated outputs 0.0 % → 12.0 %." in verdict.text
    assert decide(RIGHT, BETTER, guardrails=[(CUT, unsure)]).guardrails == ()
    less = counts(0, 12, 0, 88, CUT)
    assert decide(RIGHT, BETTER, guardrails=[(CUT, less)]).guardrails == ()


def test_few_examples_are_said_to_be_few() -> None:
    found = replace(graded(-0.5, -0.7, -0.3, 0.001), n=29, clusters=29)
    assert FEW in decide(LOSS, found).text
    assert FEW not in decide(LOSS, replace(found, n=30, clusters=30)).text


def test_the_limits_of_the_interval_are_always_stated() -> None:
    assert all(
        decide(RIGHT, found).text.endswith(COVERS) for found in (BETTER, WORSE, UNSURE, None)
    )


EXITS = {
    "IMPROVED": 0,
    "EQUIVALENT": 0,
    "INCONCLUSIVE": 0,
    "REGRESSED": 3,
    "BELOW_TRIVIAL_BASELINE": 3,
    "BLOCKED": 4,
}


@pytest.mark.parametrize("code", EXITS)
def test_exit_codes(code: str) -> None:
    verdict = Verdict(code, "right", "")  # type: ignore[arg-type]
    assert exit_code(verdict) == EXITS[code]
    assert exit_code(replace(verdict, guardrails=("truncated",))) == (4 if code == "BLOCKED" else 3)


def test_inconclusive_fails_only_on_demand() -> None:
    verdict = Verdict("INCONCLUSIVE", "right", "")
    assert exit_code(verdict, fail_on=["inconclusive"]) == 3
    assert exit_code(replace(verdict, code="IMPROVED"), fail_on=["inconclusive"]) == 0


def test_a_single_score_never_moves_the_verdict() -> None:
    one = compare_metric(
        LOSS, [Score({"loss": (2.0, 1.0)})], [Score({"loss": (1.0, 1.0)})], ["a"], 0
    )
    assert one is not None
    assert one.interval is None
    assert decide(LOSS, replace(one, n=10, clusters=10)).code == "INCONCLUSIVE"


def test_samples_of_a_few_conversations_are_too_few() -> None:
    found = replace(BETTER, clusters=9)
    verdict = decide(RIGHT, found)
    assert verdict.code == "BLOCKED"
    assert "The 200 samples are of only 9 independent groups" in verdict.text
    assert "n = 200 in 9 clusters" in verdict.text


@pytest.mark.parametrize("metric", [RIGHT, LOSS, GRADE])
def test_four_samples_never_look_certain(metric: Metric) -> None:
    """However clear they look: with four signs no test can give less than 0.06."""
    ends: tuple[Value, Value] = ((9.0, 1.0), (1.0, 1.0)) if metric is LOSS else (0.0, 1.0)
    base, tuned = ([Score({metric.name: end})] * 4 for end in ends)
    found = compare_metric(metric, base, tuned, names(4), 0)
    assert found is not None
    assert found.p > 0.05
    assert "p <" not in decide(metric, found).text


def test_a_share_never_passes_its_ends() -> None:
    """Student's interval of four shares would reach beyond 100 points."""
    base, tuned = ([Score({"grade": value}) for value in arm] for arm in ([0, 0, 0], [1, 1, 0]))
    found = compare_metric(GRADE, base, tuned, names(3), 0)
    assert found is not None
    assert found.interval is not None
    assert found.interval.low == pytest.approx(-0.768, abs=1e-3)
    assert found.interval.high == 1.0
