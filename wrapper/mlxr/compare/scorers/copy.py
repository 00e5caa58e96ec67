"""Copywriting in a style: there is no one right answer, so the loss on real copy decides.

Likeness to the one reference is shown and never decides. A model that repeats its training
copy word for word has learnt no style: such runs are counted and shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Sample, Score, Value
from mlxr.compare.scorers.baseline import Baseline
from mlxr.compare.scorers.flags import TRUNCATED, find_flags
from mlxr.compare.scorers.loss import PER_BYTE, PER_TOKEN, likelihood
from mlxr.compare.scorers.summary import CHRF2, LENGTH_RATIO
from mlxr.compare.similarity import chrf2, chrf_signature, rouge, rouge_signature
from mlxr.compare.words import runs, shared_run, words

if TYPE_CHECKING:
    from mlxr.compare.scorers import ScorerOptions

RUN = 12
"""Words in a row shared with a training target that count as memorised."""

_METRICS = (
    PER_TOKEN,
    PER_BYTE,
    Metric(
        "memorised", "binary", False, "copied training copy",
        f"Share of outputs with {RUN} words in a row from a training target.",
    ),
    Metric(
        "length_band", "binary", True, "lengths like the reference",
        "Share of outputs with half to twice as many words as the reference.",
    ),
    CHRF2,
    Metric(
        "rouge_l", "mean", True, "ROUGE-L",
        "Likeness to one reference: F1 of the longest common subsequence of words.",
        tie_band=0.01,
    ),
    LENGTH_RATIO,
    TRUNCATED,
)  # fmt: skip


class Copy:
    """Measures copy against one reference, and against what was trained on."""

    signature: str
    metrics: tuple[Metric, ...] = _METRICS
    primary = "nll_per_token"

    def __init__(self, options: ScorerOptions) -> None:
        self.trained = frozenset(
            run for text in options.train_targets for run in runs(words(text), RUN)
        )
        self.signature = (
            f"mlxr.copy/1|nll:target-tokens|memorised:{RUN}-words"
            f"|{rouge_signature()}|{chrf_signature()}"
        )

    def score(self, sample: Sample, output: Output) -> Score:
        """Return the score of one output; an output that failed counts as empty."""
        failed = output.finish == "error"
        text = "" if failed else output.text
        found, due = words(text), words(sample.target)
        run = shared_run(found, self.trained, RUN)
        values: dict[str, Value] = {
            **likelihood(output),
            "memorised": float(run is not None),
            "length_band": float(len(due) <= 2 * len(found) <= 4 * len(due)),
            "chrf2": chrf2(sample.target, text),
            "rouge_l": rouge(sample.target, text, ("rougeL",))["rougeL"].f,
            "length_ratio": (float(len(found)), float(len(due))),
            "truncated": float(output.finish == "length"),
        }
        return Score(
            values,
            answer=output.text,
            parse="text",
            errors=("generation_failed",) if failed else (),
            flags=find_flags(sample, output) + (("memorised",) if run else ()),
            detail={"memorised": " ".join(run)} if run else {},
        )

    def check(self, sample: Sample) -> str | None:
        """Return why a target cannot be scored against, or None."""
        return None if words(sample.target) else "the target has no words"

    def baselines(self, train_targets: Sequence[str]) -> Mapping[str, Baseline]:
        """Return nothing: no text without a model has a loss."""
        del train_targets
        return {}
