"""How near a text comes to a reference: ROUGE by rouge-score, chrF2 by sacrebleu.

Both are the implementations that papers quote. ROUGE knows Latin letters and digits only; a
text without any scores 0, even against itself.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from mlxr.compare.subsequence import common
from mlxr.compare.words import sentences

if TYPE_CHECKING:
    from collections.abc import Mapping


KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


AT_HAND = 64
"""Texts that are remembered in parts, since a target is met again with the next arm's text."""


class Overlap(NamedTuple):
    """A ROUGE score, each between 0 and 1."""

    precision: float
    recall: float
    f: float


def rouge(
    target: str, text: str, kinds: tuple[str, ...] = KINDS, *, stem: bool = True
) -> Mapping[str, Overlap]:
    """Return each kind of ROUGE of a text against its target.

    Lsum compares sentence by sentence, so both sides are cut into sentences here; 0 where a
    side has no words.
    """
    lines = ["\n".join(sentences(side)) for side in (target, text)]
    scores = _rouge(kinds, stem).score(*lines)
    return {
        name: Overlap(float(s.precision), float(s.recall), float(s.fmeasure))
        for name, s in scores.items()
    }


def chrf2(target: str, text: str) -> float:
    """Return chrF2 (characters up to 6, β = 2) between 0 and 1."""
    if text == target:  # every target is held against itself: 1, unless it is blank
        return float(bool(text.strip()))
    return float(_chrf(target).corpus_score([text], None).score) / 100


def rouge_signature() -> str:
    """Return what names ROUGE's rules: package, version, stemmer, sentences."""
    return f"rouge-score:{version('rouge-score')},stem,lsum-sentences"


def chrf_signature() -> str:
    """Return what names chrF's rules."""
    return f"chrf2:sacrebleu-{version('sacrebleu')}"


@cache
def _rouge(kinds: tuple[str, ...], stem: bool) -> Any:
    """A scorer with rouge-score's own tokenizer, but each word stemmed once: half of the time."""
    from nltk.stem.porter import PorterStemmer
    from rouge_score.tokenize import tokenize

    stemmer = SimpleNamespace(stem=lru_cache(100_000)(PorterStemmer().stem)) if stem else None
    words = SimpleNamespace(tokenize=lru_cache(AT_HAND)(lambda text: tokenize(text, stemmer)))
    return _rouge_score().RougeScorer(list(kinds), tokenizer=words)


@cache
def _rouge_score() -> Any:
    """A copy of rouge-score's module in which common subsequences are found faster.

    They are the very same, so that every score is; for single sentences L is Lsum.
    """
    spec = find_spec("rouge_score.rouge_scorer")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("rouge_score")
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.lcs_ind = common
    module._score_lcs = lambda target, text: module._summary_level_lcs([target], [text])
    return module


@lru_cache(AT_HAND)
def _chrf(target: str) -> Any:
    """A scorer that knows the runs of letters of one target."""
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(references=[[target]])
