"""The golden file is used whole: what is not tested yet is listed by name."""

from __future__ import annotations

from compare.makers import GOLDEN

TESTED = {"extraction", "degenerate", "stats", "nll"}
LATER = {"tool_calls", "rouge", "chrf2", "judge", "bfcl_contrast", "embed"}
STATS_TESTED = {
    "wilson95",
    "newcombe_paired95",
    "mcnemar",
    "signflip_exact",
    "paired_se",
    "clustered_se",
    "holm",
    "mde",
    "n_needed",
    "micro_f1_paired_bootstrap",
}
STATS_LATER = {"auroc"}


def test_every_section_of_the_golden_file_is_tested_or_listed() -> None:
    assert set(GOLDEN) == TESTED | LATER
    assert set(GOLDEN["stats"]) == STATS_TESTED | STATS_LATER
