"""The compare stage: a run and its test split in, a verdict out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlxr.compare import pace
from mlxr.compare.arms import Arm, Request, run_arm
from mlxr.compare.case import Case, clusters
from mlxr.compare.comparison import Comparison, finish
from mlxr.compare.document import Origin, document
from mlxr.compare.exam import Exam, read_exam
from mlxr.compare.forgetting import measure
from mlxr.compare.judge import Judgement, judge
from mlxr.compare.options import PLAIN, Options
from mlxr.compare.ready import Ready, ready
from mlxr.compare.referee import Referee, ask
from mlxr.compare.refereed import Refereed
from mlxr.compare.shots import told
from mlxr.errors import MlxrError
from mlxr.events import Display, Note, Step
from mlxr.files import file_sha256, write_jsonl
from mlxr.loaded import ARMS
from mlxr.workspace import Adapter, Workspace


@dataclass(frozen=True)
class Answers:
    """What the arms wrote to each request of an exam."""

    base: Sequence[Arm]
    tuned: Sequence[Arm]
    prompted: Arm | None
    """The base with examples; None: it was not asked."""

    @property
    def arms(self) -> dict[str, Arm]:
        """Each arm's answers to the questions, by its name."""
        arms = {"base": self.base[0], "tuned": self.tuned[0]}
        return {**arms, "prompted": self.prompted} if self.prompted else arms


def compare(
    adapter: Adapter, workspace: Workspace, display: Display, options: Options = PLAIN
) -> Comparison:
    """Judge base against tuned on the test split and write the reports into the run's folder.

    Answers that an arm gave before are not generated again. Raises MlxrError when the run is
    unfinished, its data are gone or changed, or an arm fails.
    """
    found = ready(adapter, workspace)
    exam = read_exam(found, workspace, display, options)
    answers = _answers(found, exam, workspace, display, options.fresh)
    _say_batches(exam.request, answers.arms, found.recipe.model, display)
    timed = _timed(exam.request, adapter, display) if options.bench else None
    timed = timed or pace.kept(exam.request, adapter)
    refereed = _refereed(exam.referee, found, exam, answers) if exam.referee else None
    display.show(Step("Scoring and judging"))
    judgement = _judgement(found, exam, answers, refereed, options)
    made = document(_origin(found, exam.request, answers.arms), judgement)
    if exam.prompted and answers.prompted:
        made["prompted"], lines = told(
            exam.prompted, answers.prompted, judgement, exam.scorer, found.recipe.seed
        )
        write_jsonl(adapter.compare / "prompted.jsonl", lines)
    if timed:
        made["bench"] = timed
    return finish(adapter.compare, made, judgement, adapter)


def _timed(request: Request, adapter: Adapter, display: Display) -> dict[str, Any] | None:
    """Time both arms; where that fails, the comparison still stands."""
    try:
        return pace.measure(request, adapter, display)
    except MlxrError as error:
        display.show(Note(f"{error.message} {error.hint}"))
        return None


def _answers(
    found: Ready, exam: Exam, workspace: Workspace, display: Display, fresh: Collection[str]
) -> Answers:
    """Ask every arm, one after the other."""
    places = found.adapter.compare, workspace.outputs

    def arm(name: str, requests: Sequence[Request]) -> list[Arm]:
        weights = found.adapter.folder if name == "tuned" else None
        return run_arm(name, requests, weights, *places, display, fresh=name in fresh)

    base, tuned = (arm(name, exam.requests) for name in ARMS)
    prompted = arm("prompted", [exam.prompted.request])[0] if exam.prompted else None
    return Answers(base, tuned, prompted)


def _judgement(
    found: Ready, exam: Exam, answers: Answers, refereed: Refereed | None, options: Options
) -> Judgement:
    recipe, base, tuned = found.recipe, answers.base, answers.tuned
    probes, ids = exam.probes, exam.ids
    return judge(
        Case(
            samples=exam.samples,
            base=base[0].outputs,
            tuned=tuned[0].outputs,
            train_targets=exam.targets,
            rules=recipe.compare,
            seed=recipe.seed,
            prompts=exam.prompts,
            train_loss=None if found.adapter.checkpoint else found.record["result"]["train_loss"],
            allow_degenerate=options.allow_degenerate,
            leaks=exam.leaks,
            forgetting=measure(probes, base, tuned, ids, recipe.seed) if probes else None,
            refereed=refereed,
        )
    )


def _refereed(who: Referee, found: Ready, exam: Exam, answers: Answers) -> Refereed:
    return ask(
        who,
        exam.samples,
        [question.asked for question in exam.questions],
        answers.base[0].outputs,
        answers.tuned[0].outputs,
        clusters=clusters(exam.samples, exam.prompts),
        seed=found.recipe.seed,
        base_model=found.recipe.model,
    )


def _origin(found: Ready, request: Request, arms: Mapping[str, Arm]) -> Origin:
    record = found.record
    return Origin(
        name=found.adapter.name,
        data={"split": "test", "of": found.manifest.rows["test"], **record["data"]},
        provenance={
            "recipe": record["recipe"],
            "seed": record["recipe"]["seed"],
            "adapter_sha256": file_sha256(found.adapter.weights),
            "generate": {
                "temperature": 0,
                "max_tokens": request.max_tokens,
                "batch_size": batch_size(request, [arms[name] for name in ARMS]),
            },
            "trained_with": record["versions"],
        },
        arms={name: arm.cost() for name, arm in arms.items()},
        findings=found.findings,
        loss_curve=found.loss_curve,
    )


def batch_size(request: Request, arms: Sequence[Arm]) -> int:
    """Return how many prompts were asked at once: 1 where the model needs it."""
    alone = len(request.prompts) > 1 and all(arm.one_by_one for arm in arms)
    return 1 if alone else request.batch_size


def _say_batches(request: Request, arms: Mapping[str, Arm], model: str, display: Display) -> None:
    if batch_size(request, [arms[name] for name in ARMS]) < request.batch_size:
        display.show(
            Note(
                "mlx_lm does not answer several prompts at once as it answers each alone with"
                f" {model}, so both arms were asked one by one."
            )
        )
