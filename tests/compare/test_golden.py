"""The golden file is used whole, and it is known where."""

from __future__ import annotations

from pathlib import Path

from compare.makers import GOLDEN

TESTED = {
    "bfcl_contrast": "test_tools",
    "chrf2": "test_similarity",
    "degenerate": "test_flags",
    "embed": "test_embed",
    "extraction": "test_extraction",
    "judge": "test_pairwise",
    "nll": "test_text",
    "rouge": "test_similarity",
    "stats": "test_intervals",
    "tool_calls": "test_tools",
}
STATS_TESTED = {
    "auroc": "test_ranking",
    "clustered_se": "test_intervals",
    "holm": "test_statistics",
    "mcnemar": "test_intervals",
    "mde": "test_statistics",
    "micro_f1_paired_bootstrap": "test_statistics",
    "n_needed": "test_statistics",
    "newcombe_paired95": "test_intervals",
    "paired_se": "test_intervals",
    "signflip_exact": "test_resampling",
    "wilson95": "test_intervals",
}


def test_every_section_of_the_golden_file_is_used_by_the_test_named_for_it() -> None:
    assert set(GOLDEN) == set(TESTED)
    assert set(GOLDEN["stats"]) == set(STATS_TESTED)
    for section, name in {**TESTED, **STATS_TESTED}.items():
        text = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
        assert f'["{section}"]' in text, section
