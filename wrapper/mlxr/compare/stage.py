"""The compare stage: a run and its test split in, a verdict out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlxr.compare.arms import Arm, Request, run_arm
from mlxr.compare.case import Case, clusters
from mlxr.compare.comparison import Comparison, finish
from mlxr.compare.document import Origin, document
from mlxr.compare.forgetting import measure
from mlxr.compare.judge import judge, make_scorer, primary_metric
from mlxr.compare.leaks import kept_leaks
from mlxr.compare.probes.probe import make_probes
from mlxr.compare.questions import Question, make_request, read_questions
from mlxr.compare.ready import check_answers, check_run
from mlxr.compare.record import target_text
from mlxr.compare.referee import Bench, ask, seat
from mlxr.compare.refereed import Refereed
from mlxr.compare.report.charts import loss_curve
from mlxr.events import Display, Note, Step
from mlxr.files import file_sha256, read_json, read_jsonl
from mlxr.manifest import read_manifest
from mlxr.prep.tokens import load_tokenizer
from mlxr.recipe import Recipe, typed
from mlxr.workspace import Adapter, Prepared, Workspace


def compare(
    adapter: Adapter,
    workspace: Workspace,
    display: Display,
    *,
    allow_degenerate: bool = False,
    judge_model: str | None = None,
    fresh: Collection[str] = (),
) -> Comparison:
    """Judge base against tuned on the test split and write the reports into the run's folder.

    Answers that an arm gave before are not generated again, but for the arms in `fresh`.
    `judge_model`, a Hub id or a local folder, is asked which answers it prefers. Raises MlxrError
    when the run is unfinished, its data are gone or changed, or an arm fails.
    """
    run = adapter.run
    record = run.read_record()
    recipe, path = Recipe.model_validate(record["recipe"]), Path(record["recipe_path"])
    prepared = workspace.prepared(recipe.name)
    manifest = read_manifest(prepared, recipe, typed(path, record.get("set", ())))
    check_run(adapter, record, manifest.sha256, path)
    check_answers(prepared)
    train_targets = [target_text(row) for row in read_jsonl(prepared.split("train"))]
    primary_metric(recipe.compare, make_scorer(recipe.compare, train_targets))
    display.show(Step(f"Reading the test split of {recipe.name}"))
    tokenizer = load_tokenizer(recipe)
    questions = read_questions(prepared, recipe, tokenizer)
    display.show(Step("Looking for test rows that training has seen"))
    leaks = kept_leaks(prepared, manifest.sha256, recipe.compare.limit, workspace.outputs)
    bench = judge_model and seat(
        judge_model, adapter.compare, workspace.outputs, display, recipe.compare.batch_size
    )
    probes = make_probes(recipe, tokenizer) if recipe.compare.forgetting else None
    request = make_request(recipe, questions)
    requests = [request, *(probes.requests if probes else ())]
    arms = {
        name: run_arm(
            name,
            requests,
            weights,
            adapter.compare,
            workspace.outputs,
            display,
            fresh=name in fresh,
        )
        for name, weights in (("base", None), ("tuned", adapter.folder))
    }
    base, tuned = arms["base"][0], arms["tuned"][0]
    if batch_size(request, [base, tuned]) < request.batch_size:
        display.show(
            Note(
                f"mlx_lm does not answer several prompts at once as it answers each alone with"
                f" {recipe.model}, so both arms were asked one by one."
            )
        )
    refereed = _refereed(bench, recipe, questions, base, tuned) if bench else None
    display.show(Step("Scoring and judging"))
    ids = [question.sample.id for question in questions]
    beside = None
    if probes:
        beside = measure(probes, arms["base"], arms["tuned"], ids, recipe.seed)
    judgement = judge(
        Case(
            samples=[question.sample for question in questions],
            base=base.outputs,
            tuned=tuned.outputs,
            train_targets=train_targets,
            rules=recipe.compare,
            seed=recipe.seed,
            prompts=[question.prompt_sha256 for question in questions],
            train_loss=None if adapter.checkpoint else record["result"]["train_loss"],
            allow_degenerate=allow_degenerate,
            leaks=leaks,
            forgetting=beside,
            refereed=refereed,
        )
    )
    costs = {"base": base, "tuned": tuned}
    made = document(_origin(adapter, record, request, costs, prepared), judgement)
    return finish(adapter.compare, made, judgement, adapter.folder)


def _refereed(
    bench: Bench, recipe: Recipe, questions: Sequence[Question], base: Arm, tuned: Arm
) -> Refereed:
    samples = [question.sample for question in questions]
    return ask(
        bench,
        samples,
        [question.asked for question in questions],
        base.outputs,
        tuned.outputs,
        clusters=clusters(samples, [question.prompt_sha256 for question in questions]),
        seed=recipe.seed,
        base_model=recipe.model,
    )


def _origin(
    adapter: Adapter,
    record: Mapping[str, Any],
    request: Request,
    arms: Mapping[str, Arm],
    prepared: Prepared,
) -> Origin:
    run = adapter.run
    events = list(read_jsonl(run.events)) if run.events.is_file() else []
    return Origin(
        name=adapter.name,
        data={"split": "test", **record["data"]},
        provenance={
            "recipe": record["recipe"],
            "seed": record["recipe"]["seed"],
            "adapter_sha256": file_sha256(adapter.weights),
            "generate": {
                "temperature": 0,
                "max_tokens": request.max_tokens,
                "batch_size": batch_size(request, list(arms.values())),
            },
            "trained_with": record["versions"],
        },
        arms={name: arm.cost() for name, arm in arms.items()},
        findings=read_json(prepared.audit)["findings"],
        loss_curve=loss_curve(events),
    )


def batch_size(request: Request, arms: Sequence[Arm]) -> int:
    """Return how many prompts were asked at once: 1 where the model needs it."""
    alone = len(request.prompts) > 1 and all(arm.one_by_one for arm in arms)
    return 1 if alone else request.batch_size
