"""Degenerate outputs: each flag at its threshold, and the golden cases."""

from __future__ import annotations

from typing import Any

import pytest

from compare.makers import GOLDEN, output, sample
from mlxr.compare.sample import Output
from mlxr.compare.scorers.flags import find_flags, is_loop, rep4

CASES = GOLDEN["degenerate"]
LONG = "This sentence of the prompt is certainly longer than fifty characters."
SENTENCE = "If you're okay with me searching, I'll start. "
WHOLE = {"dg03": SENTENCE * 12, "dg04": "{" * 200}
"""The golden file shortens these to 80 characters and gives their length in tokens."""


def found(written: Output, target: str = "x", *, structured: bool = False) -> tuple[str, ...]:
    return find_flags(sample(target, prompt=LONG), written, structured=structured)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_golden_degenerate_output(case: dict[str, Any]) -> None:
    text = WHOLE.get(case["id"], case["text"])
    assert text.startswith(case["text"].rstrip("…"))
    assert list(found(output(text, case["finish"]))) == case["flags"]


def test_all_golden_cases_are_there() -> None:
    assert len(CASES) == 7


def test_a_loop_needs_four_repeats_over_24_tokens() -> None:
    assert is_loop([1, 2, 3, 4, 5, 6] * 4, truncated=False)
    assert not is_loop([0, *[1, 2, 3, 4, 5, 6] * 3, 1, 2, 3, 4, 5], truncated=False)
    assert not is_loop([7] * 23, truncated=False)
    assert not is_loop([1, 2, 3, 4, 5, 6, 7, 8, 9] * 3, truncated=False)
    assert is_loop([*range(100), *[7] * 24], truncated=False)
    assert not is_loop([*[7] * 100, 8], truncated=False)


def test_a_loop_may_be_128_tokens_long() -> None:
    assert is_loop(list(range(128)) * 4, truncated=False)
    assert not is_loop(list(range(129)) * 4, truncated=False)


def test_repetition_without_a_period_counts_when_truncated() -> None:
    tokens = [1, 2, 3, 4, 5, 6, 7, 8, 9] * 5 + [1, 2, 3, 9, 8, 7]
    assert rep4(tokens) >= 0.5
    assert is_loop(tokens, truncated=True)
    assert not is_loop(tokens, truncated=False)
    assert not is_loop(tokens[:49], truncated=True)


def test_a_lawful_list_of_objects_is_no_loop() -> None:
    text = "[" + ", ".join('{"name": "area", "base": 1}' for _ in range(12)) + "]"
    sides = sample("[]")
    assert find_flags(sides, output(text), structured=True) == ()
    assert "loop" in find_flags(sides, output(text, "length"), structured=True)
    ids = [1, 2, 3] * 12
    assert "loop" in find_flags(sides, output("x", token_ids=ids), structured=True, readable=False)


def test_tokens_of_the_model_come_before_words_of_the_text() -> None:
    assert found(output("all different words", token_ids=[5] * 30)) == ("loop",)


@pytest.mark.parametrize("marker", ["<start_of_turn>", "<|im_start|>", "[INST]", "</s>"])
def test_template_markers_leak_unless_the_target_has_them(marker: str) -> None:
    assert found(output(f"Yes {marker}")) == ("template_leak",)
    assert found(output(f"Yes {marker}"), target=f"No {marker}") == ()


def test_fifty_characters_of_the_prompt_are_an_echo() -> None:
    assert found(output(LONG[:50] + " and more")) == ("echo",)
    assert found(output(LONG[:49] + "# and more")) == ()
    assert found(output(LONG), target=LONG) == ()


def test_the_replacement_character_is_bad_unicode() -> None:
    assert found(output("caf\ufffd")) == ("bad_unicode",)


def test_an_output_that_failed_has_no_flags() -> None:
    assert found(output("", "error")) == ()
