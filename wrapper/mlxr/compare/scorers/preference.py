"""Answers labelled as wanted or not: does tuning make the wanted ones likelier than the others?

The reward of an answer is how much likelier the tuned model finds it than the base does, in
nats (the implicit reward of DPO and KTO with β = 1). The base's own rewards are all 0, which
ranks at 50 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Sample, Score, Value
from mlxr.compare.scorers.baseline import Baseline
from mlxr.compare.scorers.flags import TRUNCATED, find_flags
from mlxr.compare.scorers.loss import per_token

if TYPE_CHECKING:
    from mlxr.compare.scorers import ScorerOptions

_METRICS = (
    Metric(
        "label_auroc", "rank", True, "reward ranking",
        "How often a wanted answer has a higher reward than an unwanted one; 50 % is chance.",
    ),
    Metric(
        "label_auroc_per_token", "rank", True, "reward ranking per token",
        "The same with the reward per token: a sum grows with the length of the answer.",
    ),
    Metric(
        "nll_desirable", "ratio", False, "loss on wanted answers",
        "Negative log-likelihood of the wanted answers, per token.",
        aggregate=per_token, unit="nats/token", tie_band=0.01,
    ),
    Metric(
        "nll_undesirable", "ratio", False, "loss on unwanted answers",
        "The same of the unwanted ones. If it falls as much as the other, the model has learnt "
        "the style of the data and not the preference.",
        aggregate=per_token, unit="nats/token", tie_band=0.01, descriptive=True,
    ),
    Metric(
        "length_desirable", "mean", True, "length of wanted answers", "Tokens of wanted answers.",
        unit="tokens", descriptive=True,
    ),
    Metric(
        "length_undesirable", "mean", True, "length of unwanted answers",
        "Tokens of unwanted answers. If it is another, look at the ranking per token.",
        unit="tokens", descriptive=True,
    ),
    TRUNCATED,
)  # fmt: skip


class Preference:
    """Scores by the likelihood of labelled answers; what is generated is only flagged."""

    metrics: tuple[Metric, ...] = _METRICS
    primary = "label_auroc"

    def __init__(self, options: ScorerOptions) -> None:
        self.desirable = options.desirable
        self.signature = f"mlxr.preference/1|reward:tuned-base|desirable:{self.desirable}"

    def score(self, sample: Sample, output: Output) -> Score:
        """Return the score of one output; no values where likelihoods were not measured."""
        failed = output.finish == "error"
        values: dict[str, Value] = {"truncated": float(output.finish == "length")}
        if output.nll is not None and math.isfinite(output.nll) and output.target_tokens:
            wanted = sample.category == self.desirable
            values |= _values(output, output.nll, wanted)
        return Score(
            values,
            answer=output.text,
            parse="text",
            errors=("generation_failed",) if failed else (),
            flags=find_flags(sample, output),
        )

    def check(self, sample: Sample) -> str | None:
        """Return why a target cannot be scored against, or None."""
        if sample.category is None:
            return "it has no label (name the column of labels in compare.category)"
        return None if sample.target.strip() else "the target is empty"

    def baselines(self, train_targets: Sequence[str]) -> Mapping[str, Baseline]:
        """Return nothing: no text without a model has a likelihood."""
        del train_targets
        return {}


def _values(output: Output, nll: float, wanted: bool) -> dict[str, Value]:
    label, tokens = "desirable" if wanted else "undesirable", float(output.target_tokens)
    values: dict[str, Value] = {f"nll_{label}": (nll, tokens), f"length_{label}": tokens}
    if output.base_nll is not None and math.isfinite(output.base_nll):
        reward = output.base_nll - nll
        values["label_auroc"] = (reward, float(wanted))
        values["label_auroc_per_token"] = (reward / tokens, float(wanted))
    return values
