"""Summaries: ROUGE where it is defined, chrF where it is not, and what was made of the source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compare.makers import output, sample
from mlxr.compare.scorers import ScorerOptions
from mlxr.compare.scorers.summary import Summary, lead

ARTICLE = (
    "Profits rose 3.5 percent to 1,200 euros. The head of the firm was glad. She had feared worse. "
    "Shares fell all the same."
)
SCORER = Summary(ScorerOptions(train_targets=("A text in English.",)))
ASKED = replace(sample("Profits rose 3.5 percent. Shares fell."), source=ARTICLE)


def values(text: str) -> dict[str, float]:
    metrics = {metric.name: metric for metric in SCORER.metrics}
    score = SCORER.score(ASKED, output(text))
    return {name: metrics[name].of(value) for name, value in score.values.items()}


def test_a_summary_is_held_against_its_source() -> None:
    found = values("Profits rose 3.5 percent and 1200 or 99 people cheered")
    assert found["unsupported_numbers"] == pytest.approx(1 / 3)
    assert found["novel_3grams"] == pytest.approx(6 / 9)
    assert found["copy_share"] == pytest.approx(5 / 11)
    assert found["length_ratio"] == pytest.approx(11 / 7)


def test_a_copy_of_the_source_is_seen_as_one() -> None:
    found = values(ARTICLE)
    assert (found["copy_share"], found["novel_3grams"], found["unsupported_numbers"]) == (1, 0, 0)
    assert found["rouge_lsum"] < 0.6


@pytest.mark.parametrize("text", ["", " \n", "..."])
def test_nothing_written_is_nothing_earned(text: str) -> None:
    found = values(text)
    assert {found[n] for n in ("rouge_lsum", "rouge1", "rouge2", "length_ratio")} == {0}


def test_an_output_that_failed_is_empty() -> None:
    score = SCORER.score(ASKED, output(ASKED.target, "error"))
    assert (score.values["rouge_lsum"], score.errors) == (0, ("generation_failed",))


def test_lead_is_three_sentences_of_the_source() -> None:
    expected = (
        "Profits rose 3.5 percent to 1,200 euros.\nThe head of the firm was glad.\n"
        "She had feared worse."
    )
    assert SCORER.baselines([])["lead_3"](ASKED) == expected
    assert lead(sample("x")) is None


def test_other_scripts_are_scored_by_chrf() -> None:
    scorer = Summary(ScorerOptions(train_targets=("Привет, мир", "Ещё один", "One")))
    assert scorer.primary == "chrf2"
    assert "rouge" not in scorer.signature
    assert not [metric for metric in scorer.metrics if metric.name.startswith("rouge")]
    asked = sample("Привет, мир")
    assert scorer.score(asked, output("Привет, мир")).values["chrf2"] == pytest.approx(1)
    assert "rouge_lsum" not in SCORER.score(asked, output("Привет, мир")).values


def test_without_a_source_nothing_is_said_about_it() -> None:
    found = SCORER.score(sample("A cat."), output("A cat.")).values
    assert not {"novel_3grams", "copy_share", "unsupported_numbers"} & set(found)


def test_the_signature_names_the_packages() -> None:
    assert SCORER.signature.startswith(
        "mlxr.summary/1|rouge-score:0.1.2,stem,lsum-sentences|chrf2:"
    )
