"""A local model as referee: which of two answers does a task better, asked in both orders.

Only a verdict given in both orders counts (pairwise.py). What it says is a secondary figure: a
model likes its own style, long answers, and whatever stands first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlxr.compare.arms import Prompt, Request, run_arm
from mlxr.compare.pairwise import Preferred
from mlxr.compare.refereed import Refereed, referee
from mlxr.compare.sample import Output, Sample
from mlxr.compare.scorers.flags import LEAKS
from mlxr.events import Display
from mlxr.model import fingerprint, locate
from mlxr.prep.tokens import Tokenizer, load_tokenizer
from mlxr.recipe import Recipe
from mlxr.recipe.data import Data

ANSWER = 256
"""Tokens that the referee may take for a verdict and its reason."""
LONGEST = 6000
"""Characters of a text that the referee is shown."""
QUESTION = """\
Below are a task, the answer that was expected, and two attempts, A and B. Which attempt does the \
task better? It should be correct, complete and in the form that was wanted, with nothing added. \
Which one comes first means nothing, nor does length. Say why in one short sentence. Write as the \
last line [[A]] or [[B]], or [[C]] where neither is better.

TASK
{task}

EXPECTED
{expected}

ATTEMPT A
{first}

ATTEMPT B
{second}"""
_VERDICT = re.compile(r"\[\[([ABC])\]\]")
_ORDERS: tuple[Mapping[str, Preferred], ...] = (
    {"A": "base", "B": "tuned", "C": "tie"},
    {"A": "tuned", "B": "base", "C": "tie"},
)
"""Which arm a letter means: base is shown first, then tuned."""


@dataclass(frozen=True)
class Referee:
    """A referee that is at hand: where it is asked, and where its verdicts are kept."""

    name: str
    """As the user wrote it."""
    model: str
    """Hub id or absolute folder."""
    tokenizer: Tokenizer
    folder: Path
    outputs: Path
    display: Display
    batch_size: int


def seat(name: str, folder: Path, outputs: Path, display: Display, batch_size: int) -> Referee:
    """Return the referee of this Hub id or local folder.

    It logs to `folder`. Raises MlxrError when its tokenizer cannot be had.
    """
    model = str(Path(name).resolve()) if Path(name).is_dir() else name
    tokenizer = load_tokenizer(Recipe(name="judge", model=model, data=Data(source="none")))
    return Referee(name, model, tokenizer, folder, outputs, display, batch_size)


def ask(
    who: Referee,
    samples: Sequence[Sample],
    tasks: Sequence[str],
    base: Sequence[Output],
    tuned: Sequence[Output],
    *,
    clusters: Sequence[str],
    seed: int,
    base_model: str | None = None,
) -> Refereed:
    """Ask the referee about every sample and return what it said.

    `tasks` say in plain words what each sample asks for. Raises MlxrError when it fails.
    """
    pairs = [
        (sample, task, (before.text, after.text))
        for sample, task, before, after in zip(samples, tasks, base, tuned, strict=True)
    ]
    asked = [pair for pair in pairs if pair[2][0] != pair[2][1]]
    texts = [
        question(task, sample.target, *order)
        for sample, task, (before, after) in asked
        for order in ((before, after), (after, before))
    ]
    said = _answers(who, texts)
    games = {
        sample.id: (verdict(said[2 * i], 0), verdict(said[2 * i + 1], 1))
        for i, (sample, _, _) in enumerate(asked)
    }
    own = base_model is not None and who.tokenizer.fingerprint == fingerprint(locate(base_model))
    words = {sample.id: (len(b.split()), len(t.split())) for sample, _, (b, t) in pairs}
    groups = dict(zip((sample.id for sample in samples), clusters, strict=True))
    return referee(who.name, games, groups, words, seed=seed, own=own)


def question(task: str, expected: str, first: str, second: str) -> str:
    """Return what the referee is asked, with nothing in it that could end its turn."""
    texts = {"task": task, "expected": expected, "first": first, "second": second}
    return QUESTION.format(**{name: _tame(text) for name, text in texts.items()})


def verdict(said: str | None, order: int) -> Preferred | None:
    """Return which arm an answer prefers, by its last [[letter]]; None where it has none."""
    found = _VERDICT.findall(said or "")
    return _ORDERS[order][found[-1]] if found else None


def _answers(who: Referee, texts: Sequence[str]) -> list[str | None]:
    """Return the referee's answers; None to what is longer than it can read."""
    tokenizer = who.tokenizer
    ids = [tokenizer.opening([{"role": "user", "content": text}]) for text in texts]
    most = (tokenizer.context_length or len(max(ids, key=len, default=[])) + ANSWER) - ANSWER
    asked = [tuple(each) for each in ids if len(each) <= most]
    if not asked:
        return [None] * len(ids)
    request = Request(
        model=who.model,
        trust_remote_code=False,
        prompts=tuple(Prompt(each, len(each), "") for each in asked),
        max_tokens=ANSWER,
        batch_size=who.batch_size,
        what="questions, each pair in both orders",
    )
    [arm] = run_arm("judge", [request], None, who.folder, who.outputs, who.display)
    said = iter(output.text for output in arm.outputs)
    return [next(said) if len(each) <= most else None for each in ids]


def _tame(text: str) -> str:
    for mark in LEAKS:
        text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
