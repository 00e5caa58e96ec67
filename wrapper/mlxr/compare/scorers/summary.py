"""Summaries: ROUGE against one reference, and what the summary did with its source.

ROUGE is not defined for other scripts than Latin: where most training targets are of another,
chrF2 takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlxr.compare.metric import Metric
from mlxr.compare.sample import Output, Sample, Score, Value
from mlxr.compare.scorers.baseline import Baseline
from mlxr.compare.scorers.flags import TRUNCATED, find_flags
from mlxr.compare.similarity import chrf2, chrf_signature, rouge, rouge_signature
from mlxr.compare.words import copied, is_latin, novel, sentences, unsupported, words

if TYPE_CHECKING:
    from mlxr.compare.scorers import ScorerOptions

LEAD = 3
"""Sentences of the source that a summary without a model takes."""


def share(sums: Sequence[float]) -> float:
    """Return the first sum over the second; 0 of nothing."""
    part, whole = sums
    return part / whole if whole else 0.0


_NAMES = {"rouge_lsum": "rougeLsum", "rouge1": "rouge1", "rouge2": "rouge2"}
_ROUGE = tuple(
    Metric(name, "mean", True, title, explanation, tie_band=0.01)
    for name, title, explanation in (
        (
            "rouge_lsum",
            "ROUGE-Lsum",
            "F1 of the longest common subsequences, sentence by sentence, words stemmed. What "
            "papers call ROUGE-L on news summaries.",
        ),
        ("rouge1", "ROUGE-1", "F1 of single words, stemmed."),
        ("rouge2", "ROUGE-2", "F1 of pairs of words, stemmed."),
    )
)
CHRF2 = Metric(
    "chrf2",
    "mean",
    True,
    "chrF2",
    "Overlap of character runs up to six long, recall counting double; for every script.",
    tie_band=0.01,
)
LENGTH_RATIO = Metric(
    "length_ratio",
    "ratio",
    True,
    "length against the reference",
    "Words written for each word of the references.",
    aggregate=share,
    unit="×",
    descriptive=True,
)
_COMPANIONS = (
    CHRF2,
    Metric(
        "unsupported_numbers", "ratio", False, "numbers that the source does not have",
        "Share of the numerals written that do not occur in the source.",
        aggregate=share,
    ),
    LENGTH_RATIO,
    Metric(
        "novel_3grams", "ratio", True, "new runs of three words",
        "Share of runs of three words that the source does not have: how abstractive it is.",
        aggregate=share, descriptive=True,
    ),
    Metric(
        "copy_share", "mean", True, "longest copied stretch",
        "Longest stretch of words taken from the source, as a share of the summary.",
        descriptive=True,
    ),
    TRUNCATED,
)  # fmt: skip


class Summary:
    """Scores summaries against one reference each."""

    signature: str
    metrics: tuple[Metric, ...]
    primary: str

    def __init__(self, options: ScorerOptions) -> None:
        targets = options.train_targets
        self.latin = 2 * sum(map(is_latin, targets)) >= len(targets)
        self.metrics = (*_ROUGE, *_COMPANIONS) if self.latin else _COMPANIONS
        self.primary = "rouge_lsum" if self.latin else "chrf2"
        rules = [rouge_signature()] if self.latin else []
        self.signature = "|".join(["mlxr.summary/1", *rules, chrf_signature()])

    def score(self, sample: Sample, output: Output) -> Score:
        """Return the score of one output; an output that failed counts as empty."""
        failed = output.finish == "error"
        text = "" if failed else output.text
        found, due = words(text), words(sample.target)
        values: dict[str, Value] = {
            "chrf2": chrf2(sample.target, text),
            "length_ratio": (float(len(found)), float(len(due))),
            "truncated": float(output.finish == "length"),
        }
        if self.latin and is_latin(sample.target):
            overlap = rouge(sample.target, text, tuple(_NAMES.values()))
            values |= {name: overlap[theirs].f for name, theirs in _NAMES.items()}
        if sample.source:
            source = words(sample.source)
            values |= {
                "novel_3grams": novel(found, source),
                "copy_share": copied(found, source),
                "unsupported_numbers": unsupported(text, sample.source),
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
        return None if words(sample.target) else "the target has no words"

    def baselines(self, train_targets: Sequence[str]) -> Mapping[str, Baseline]:
        """Return the source's first sentences, which many a summary does not beat."""
        del train_targets
        return {f"lead_{LEAD}": lead}


def lead(sample: Sample) -> str | None:
    """Return the first three sentences of the source; None where it is not known."""
    return "\n".join(sentences(sample.source)[:LEAD]) if sample.source else None
