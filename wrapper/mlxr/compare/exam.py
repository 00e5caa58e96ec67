"""What both arms will be asked, and what their answers will be judged with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlxr.compare.arms import Request
from mlxr.compare.judge import make_scorer, primary_metric
from mlxr.compare.leaks import Leaks, kept_leaks
from mlxr.compare.options import Options
from mlxr.compare.probes.probe import Probes, make_probes
from mlxr.compare.questions import Question, make_request, read_questions
from mlxr.compare.ready import Ready
from mlxr.compare.record import Record, target_text
from mlxr.compare.referee import Referee, seat
from mlxr.compare.sample import Sample
from mlxr.compare.scorers import Scorer
from mlxr.compare.shots import Shots, with_shots
from mlxr.events import Display, Step
from mlxr.prep.tokens import Tokenizer, load_tokenizer
from mlxr.workspace import Workspace


@dataclass(frozen=True)
class Exam:
    """All that is known before an arm is asked."""

    questions: Sequence[Question]
    targets: Sequence[str]
    """The answers of the training rows."""
    scorer: Scorer
    request: Request
    prompted: Shots | None
    """What the base is asked with examples; None: nothing."""
    referee: Referee | None
    """The local model that is asked what it prefers; None: none."""
    leaks: Leaks
    probes: Probes | None
    """What is asked beside the task; None: nothing."""

    @property
    def samples(self) -> list[Sample]:
        """What each question is judged by."""
        return [question.sample for question in self.questions]

    @property
    def ids(self) -> list[str]:
        """The samples' ids."""
        return [question.sample.id for question in self.questions]

    @property
    def prompts(self) -> list[str]:
        """Hash of each prompt's tokens."""
        return [question.prompt_sha256 for question in self.questions]

    @property
    def requests(self) -> list[Request]:
        """What both arms are asked: the questions, then the probes."""
        return [self.request, *(self.probes.requests if self.probes else ())]


def read_exam(found: Ready, workspace: Workspace, display: Display, options: Options) -> Exam:
    """Return what a run is to be asked.

    Raises MlxrError when its rules do not fit its data, its prompts have other tokens than when
    they were prepared, or the judge cannot be had.
    """
    recipe, rules = found.recipe, found.recipe.compare
    train = found.train()
    targets = [target_text(row) for row in train]
    scorer = make_scorer(rules, targets)
    primary_metric(rules, scorer)
    display.show(Step(f"Reading the test split of {recipe.name}"))
    tokenizer = load_tokenizer(recipe)
    questions = read_questions(found.prepared, recipe, tokenizer)
    request = make_request(recipe, questions)
    shots = rules.shots if options.shots is None else options.shots
    prompted = _prompted(found, questions, request, train, shots, tokenizer)
    judge, places = options.judge_model, (found.adapter.compare, workspace.outputs)
    referee = seat(judge, *places, display, rules.batch_size) if judge else None
    display.show(Step("Looking for test rows that training has seen"))
    ids = [question.sample.id for question in questions]
    leaks = kept_leaks(found.prepared, found.manifest.sha256, ids, workspace.outputs)
    probes = make_probes(recipe, tokenizer) if rules.forgetting else None
    return Exam(questions, targets, scorer, request, prompted, referee, leaks, probes)


def _prompted(
    found: Ready,
    questions: Sequence[Question],
    request: Request,
    train: Sequence[Record],
    shots: int,
    tokenizer: Tokenizer,
) -> Shots | None:
    if not shots:
        return None
    records = [question.record for question in questions]
    return with_shots(request, records, train, shots, found.recipe.seed, tokenizer)
