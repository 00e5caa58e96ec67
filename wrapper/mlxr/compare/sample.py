"""What is judged: a sample, what an arm wrote for it, and what a scorer made of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Finish = Literal["stop", "length", "error"]

Value = float | tuple[float, ...]
"""One metric of one sample: 0 or 1 (binary), a number (mean), sums to be added (ratio), or what is
ranked and whether it should stand high, as 1 or 0 (rank)."""


@dataclass(frozen=True)
class Sample:
    """One test case."""

    id: str
    """Unique among the samples of a comparison."""
    prompt: str
    """Text of the prompt, as the model got it."""
    target: str
    """The expected answer."""
    category: str | None = None
    cluster: str | None = None
    """Names what it shares with other samples (a conversation, an article); None: nothing."""
    source: str = ""
    """summary: the text to be summarised."""
    tools: tuple[Mapping[str, object], ...] | None = None
    """tools: what is on offer, as the data set declares it; None if nothing is known of it."""


@dataclass(frozen=True)
class Output:
    """What one arm wrote for one sample, and what it cost."""

    text: str
    tokens: int | None
    """Tokens written, the end token included; None if nobody counted them."""
    finish: Finish | None
    """The model stopped, ran into the limit, or failed; None if nobody kept which."""
    nll: float | None
    """Negative log-likelihood of the target in nats, summed over its tokens; None if unmeasured."""
    target_tokens: int
    target_bytes: int
    """UTF-8 bytes of the target's text."""
    prompt_tokens: int
    decode_seconds: float | None
    """Time from the first token to the last."""
    token_ids: tuple[int, ...] = ()
    """Tokens written, without the end token; empty if not kept."""
    base_nll: float | None = None
    """`nll` of the base model, which a reward is measured against; judge fills it in."""


@dataclass(frozen=True)
class Score:
    """One output held against its target."""

    values: Mapping[str, Value]
    """Metric name to value; a metric that is missing is unscored."""
    answer: object = None
    """What was read out of the output: a JSON value or a text."""
    parse: str = ""
    """How it was read: strict, fenced, pyliteral, embedded, fail, or text."""
    errors: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    detail: Mapping[str, object] = field(default_factory=dict)
    """What the scorer saw, as JSON values: for a record, the class of every field."""
    slices: Mapping[str, str] = field(default_factory=dict)
    """Groups that the sample belongs to, the same in both arms: {"calls": "several"}."""
