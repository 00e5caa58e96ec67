"""Copywriting: the loss decides, likeness is shown, and memorised runs are found."""

from __future__ import annotations

import pytest

from compare.makers import output, sample
from mlxr.compare.scorers import ScorerOptions
from mlxr.compare.scorers.copy import Copy
from mlxr.compare.words import runs, shared_run

TRAINED = "A lamp for long evenings, made by hand in a small town near the coast of Spain."
SCORER = Copy(ScorerOptions(train_targets=(TRAINED, "Short.")))


def test_the_loss_decides() -> None:
    assert SCORER.primary == "nll_per_token"
    found = SCORER.score(sample("abc"), output("abc", nll=2.0, target_tokens=4)).values
    assert (found["nll_per_token"], found["bits_per_byte"]) == ((2.0, 4.0), (2.0, 3.0))


def test_copied_training_copy_is_found_and_shown() -> None:
    text = f"New! {TRAINED.upper()} Order now."
    found = SCORER.score(sample("A lamp."), output(text))
    assert found.values["memorised"] == 1
    assert "memorised" in found.flags
    shown = "a lamp for long evenings made by hand in a small town near the coast of spain"
    assert found.detail == {"memorised": shown}
    eleven = "made by hand in a small town near the coast of"
    assert SCORER.score(sample("A lamp."), output(eleven)).values["memorised"] == 0


def test_a_run_goes_on_as_far_as_it_is_known() -> None:
    known = set(runs("a b c d e".split(), 3))
    assert shared_run("x a b c d y".split(), known, 3) == ("a", "b", "c", "d")
    assert shared_run("a b x c d e".split(), known, 3) == ("c", "d", "e")
    assert shared_run("a b x".split(), known, 3) is None


@pytest.mark.parametrize(("written", "fits"), [(2, 0), (3, 1), (5, 1), (10, 1), (11, 0), (0, 0)])
def test_lengths_are_right_from_half_to_twice(written: int, fits: int) -> None:
    found = SCORER.score(sample("a b c d e"), output("word " * written)).values
    assert found["length_band"] == fits


def test_likeness_is_measured_and_never_perfect_by_chance() -> None:
    found = SCORER.score(sample("a warm lamp"), output("a cold lamp")).values
    assert found["rouge_l"] == pytest.approx(2 / 3)
    assert isinstance(found["chrf2"], float)
    assert 0 < found["chrf2"] < 1
    assert SCORER.check(sample("…")) == "the target has no words"
    assert SCORER.baselines(["x"]) == {}
