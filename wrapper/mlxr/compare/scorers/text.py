"""Free text: how likely the model finds the target, and how near its own answer comes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Sample, Score, Value
from mlxr.compare.scorers.flags import TRUNCATED, find_flags
from mlxr.values import normalise

if TYPE_CHECKING:
    from mlxr.compare.scorers import ScorerOptions


def _per_token(sums: Sequence[float]) -> float:
    nll, tokens = sums
    return nll / tokens


def _per_byte(sums: Sequence[float]) -> float:
    nll, size = sums
    return nll / (math.log(2) * size)


_METRICS = (
    Metric(
        "nll_per_token",
        "ratio",
        higher_is_better=False,
        title="loss on the target",
        explanation="Negative log-likelihood of the targets, per target token.",
        aggregate=_per_token,
        unit="nats/token",
        tie_band=0.01,
    ),
    Metric(
        "bits_per_byte",
        "ratio",
        higher_is_better=False,
        title="bits per byte",
        explanation="The same loss per byte of text, comparable across tokenizers.",
        aggregate=_per_byte,
        unit="bits/byte",
    ),
    Metric(
        "exact",
        "binary",
        higher_is_better=True,
        title="exact answers",
        explanation="Share of outputs equal to the target but for case and white space.",
    ),
    Metric(
        "token_f1",
        "mean",
        higher_is_better=True,
        title="word F1",
        explanation="Overlap of the output's words with the target's, order ignored.",
    ),
    TRUNCATED,
)


class Text:
    """Scores free text against one reference."""

    signature = "mlxr.text/1|exact:nfkc+casefold+ws|token_f1:words|nll:target-tokens"
    metrics: tuple[Metric, ...] = _METRICS
    primary = "nll_per_token"

    def __init__(self, options: ScorerOptions) -> None:
        del options  # text has none

    def score(self, sample: Sample, output: Output) -> Score:
        """Return the score of one output; an output that failed counts as wrong."""
        failed = output.finish == "error"
        values: dict[str, Value] = {
            "exact": float(not failed and normalise(output.text) == normalise(sample.target)),
            "token_f1": 0.0 if failed else token_f1(sample.target, output.text),
            "truncated": float(output.finish == "length"),
            **_likelihood(output),
        }
        return Score(
            values,
            answer=output.text,
            parse="text",
            errors=("generation_failed",) if failed else (),
            flags=find_flags(sample, output),
        )

    def check(self, target: str) -> str | None:
        """Return why a target cannot be scored against, or None."""
        return None if target.strip() else "the target is empty"

    def baselines(self, train_targets: Sequence[str]) -> Mapping[str, str]:
        """Return the commonest training target, where any occurs twice."""
        for text, count in Counter(train_targets).most_common(1):
            if count > 1:
                return {"most_common": text}
        return {}


def token_f1(target: str, text: str) -> float:
    """Return the F1 of two multisets of words; without any words, whether the texts agree."""
    expected = Counter(re.findall(r"\w+", normalise(target)))
    found = Counter(re.findall(r"\w+", normalise(text)))
    if not expected and not found:
        return float(normalise(target) == normalise(text))
    return 2 * (expected & found).total() / (expected.total() + found.total())


def _likelihood(output: Output) -> dict[str, Value]:
    """The sums behind both losses; nothing where the loss was not measured."""
    if output.nll is None or not math.isfinite(output.nll):
        return {}
    sizes = {"nll_per_token": output.target_tokens, "bits_per_byte": output.target_bytes}
    return {name: (output.nll, float(size)) for name, size in sizes.items() if size > 0}
