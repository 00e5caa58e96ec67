"""Free text: how likely the model finds the target, and how near its own answer comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Sample, Score, Value
from mlxr.compare.scorers.baseline import Baseline, constant
from mlxr.compare.scorers.flags import TRUNCATED, find_flags
from mlxr.compare.scorers.loss import PER_BYTE, PER_TOKEN, likelihood
from mlxr.compare.words import words
from mlxr.values import normalise

if TYPE_CHECKING:
    from mlxr.compare.scorers import ScorerOptions


_METRICS = (
    PER_TOKEN,
    PER_BYTE,
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
            **likelihood(output),
        }
        return Score(
            values,
            answer=output.text,
            parse="text",
            errors=("generation_failed",) if failed else (),
            flags=find_flags(sample, output),
        )

    def check(self, sample: Sample) -> str | None:
        """Return why a target cannot be scored against, or None."""
        return None if sample.target.strip() else "the target is empty"

    def baselines(self, train_targets: Sequence[str]) -> Mapping[str, Baseline]:
        """Return the commonest training target, where any occurs twice."""
        for text, count in Counter(train_targets).most_common(1):
            if count > 1:
                return {"most_common": constant(text)}
        return {}


def token_f1(target: str, text: str) -> float:
    """Return the F1 of two multisets of words; without any words, whether the texts agree."""
    expected, found = Counter(words(target)), Counter(words(text))
    if not expected and not found:
        return float(normalise(target) == normalise(text))
    return 2 * (expected & found).total() / (expected.total() + found.total())
