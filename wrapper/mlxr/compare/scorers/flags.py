"""Signs of a degenerate output, looked for in every task."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Sample

TRUNCATED = Metric(
    "truncated",
    "binary",
    higher_is_better=False,
    title="truncated outputs",
    explanation="Share of outputs that ran into the token limit instead of ending by themselves.",
)

ECHO = 50
"""Characters of the prompt at the start of an output that make it an echo."""
MAX_PERIOD = 128
MIN_REPEATS = 4
MIN_LOOP = 24
"""A loop repeats up to MAX_PERIOD tokens at least MIN_REPEATS times, over MIN_LOOP tokens."""

LEAKS = (
    "<start_of_turn>", "<end_of_turn>", "<|im_start|>", "<|im_end|>", "[INST]", "[/INST]",
    "<s>", "</s>", "<bos>", "<eos>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>",
    "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|endoftext|>",
    "<|begin_of_text|>", "<|end_of_text|>", "<<SYS>>", "<</SYS>>",
)  # fmt: skip
"""Marks by which chat templates begin and end a turn."""


def find_flags(
    sample: Sample, output: Output, *, structured: bool = False, readable: bool = True
) -> tuple[str, ...]:
    """Return the flags of one output; none for an output that failed to be made.

    `structured` says that a JSON value is due: it repeats itself lawfully, so a loop counts
    only if the output is truncated or not `readable`.
    """
    if output.finish == "error":
        return ()
    truncated = output.finish == "length"
    loops = truncated or not readable or not structured
    found = {
        "empty": not output.text.strip(),
        "truncated": truncated,
        "loop": loops and is_loop(_tokens(output), truncated),
        "template_leak": any(m in output.text and m not in sample.target for m in LEAKS),
        "echo": _echoes(output.text, sample),
        "bad_unicode": "\ufffd" in output.text,
    }
    return tuple(flag for flag, is_there in found.items() if is_there)


def is_loop(tokens: Sequence[object], truncated: bool) -> bool:
    """Return whether the tokens end in a loop or, when truncated, mostly repeat themselves."""
    longest = min(MAX_PERIOD, len(tokens) // MIN_REPEATS)
    if any(_tail(tokens, p) >= max(MIN_REPEATS * p, MIN_LOOP) for p in range(1, longest + 1)):
        return True
    return truncated and len(tokens) >= 50 and rep4(tokens) >= 0.5


def rep4(tokens: Sequence[object]) -> float:
    """Return 1 − different / all runs of four tokens; 0 for fewer than four tokens."""
    runs = [tuple(tokens[i : i + 4]) for i in range(len(tokens) - 3)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _tail(tokens: Sequence[object], period: int) -> int:
    """Return how many tokens at the end repeat with this period."""
    at = len(tokens) - 1
    while at >= period and tokens[at] == tokens[at - period]:
        at -= 1
    return len(tokens) - 1 - at + period


def _tokens(output: Output) -> Sequence[object]:
    """The model's tokens or, where they were not kept, words and signs of the text."""
    return output.token_ids or re.findall(r"\w+|[^\w\s]", output.text)


def _echoes(text: str, sample: Sample) -> bool:
    """A stretch of the prompt opens the output, and does not open the target as well."""
    start = text.lstrip()[:ECHO]
    expected = sample.target.lstrip()[:ECHO]
    return len(start) == ECHO and start in sample.prompt and start != expected
