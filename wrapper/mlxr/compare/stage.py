"""The compare stage: a run and its test split in, a verdict out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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
from mlxr.compare.shots import told, with_shots
from mlxr.events import Display, Note, Step
from mlxr.files import file_sha256, read_json, read_jsonl, write_jsonl
from mlxr.manifest import read_manifest
from mlxr.prep.tokens import load_tokenizer
from mlxr.recipe import Recipe, typed
from mlxr.workspace import Adapter, Prepared, Workspace

ARMS = ("base", "tuned")


@dataclass(frozen=True)
class Options:
    """What a comparison does besides, or otherwise."""

    allow_degenerate: bool = False
    """Give a verdict in spite of red alarms."""
    judge_model: str | None = None
    """A Hub id or a local folder, asked which answers it prefers."""
    fresh: Collection[str] = ()
    """The arms that are asked anew, whatever they answered before."""
    shots: int | None = None
    """In place of the recipe's `compare.shots`."""


PLAIN = Options()


def compare(
    adapter: Adapter, workspace: Workspace, display: Display, options: Options = PLAIN
) -> Comparison:
    """Judge base against tuned on the test split and write the reports into the run's folder.

    Answers that an arm gave before are not generated again. Raises MlxrError when the run is
    unfinished, its data are gone or changed, or an arm fails.
    """
    record = adapter.run.read_record()
    recipe, path = Recipe.model_validate(record["recipe"]), Path(record["recipe_path"])
    rules = recipe.compare
    prepared = workspace.prepared(recipe.name)
    manifest = read_manifest(prepared, recipe, typed(path, record.get("set", ())))
    check_run(adapter, record, manifest.sha256, path)
    check_answers(prepared)
    train = list(read_jsonl(prepared.split("train")))
    scorer = make_scorer(rules, [target_text(row) for row in train])
    primary_metric(rules, scorer)
    display.show(Step(f"Reading the test split of {recipe.name}"))
    tokenizer = load_tokenizer(recipe)
    questions = read_questions(prepared, recipe, tokenizer)
    ids = [question.sample.id for question in questions]
    request = make_request(recipe, questions)
    shots = rules.shots if options.shots is None else options.shots
    prompted = None
    if shots:
        records = [question.record for question in questions]
        prompted = with_shots(request, records, train, shots, recipe.seed, tokenizer)
    bench = options.judge_model and seat(
        options.judge_model, adapter.compare, workspace.outputs, display, rules.batch_size
    )
    display.show(Step("Looking for test rows that training has seen"))
    leaks = kept_leaks(prepared, manifest.sha256, ids, workspace.outputs)
    probes = make_probes(recipe, tokenizer) if rules.forgetting else None
    further = probes.requests if probes else ()

    def answered(name: str, what: Sequence[Request], weights: Path | None) -> list[Arm]:
        fresh = name in options.fresh
        places = adapter.compare, workspace.outputs
        return run_arm(name, what, weights, *places, display, fresh=fresh)

    base = answered("base", [request, *further], None)
    tuned = answered("tuned", [request, *further], adapter.folder)
    arms = {"base": base[0], "tuned": tuned[0]}
    if prompted:
        [arms["prompted"]] = answered("prompted", [prompted.request], None)
    _say_batches(request, arms, recipe.model, display)
    refereed = _refereed(bench, recipe, questions, arms) if bench else None
    display.show(Step("Scoring and judging"))
    judgement = judge(
        Case(
            samples=[question.sample for question in questions],
            base=arms["base"].outputs,
            tuned=arms["tuned"].outputs,
            train_targets=[target_text(row) for row in train],
            rules=rules,
            seed=recipe.seed,
            prompts=[question.prompt_sha256 for question in questions],
            train_loss=None if adapter.checkpoint else record["result"]["train_loss"],
            allow_degenerate=options.allow_degenerate,
            leaks=leaks,
            forgetting=measure(probes, base, tuned, ids, recipe.seed) if probes else None,
            refereed=refereed,
        )
    )
    of = manifest.rows["test"]
    made = document(_origin(adapter, record, request, arms, prepared, of), judgement)
    if prompted:
        made["prompted"], lines = told(prompted, arms["prompted"], judgement, scorer, recipe.seed)
        write_jsonl(adapter.compare / "prompted.jsonl", lines)
    return finish(adapter.compare, made, judgement, adapter.folder)


def _refereed(
    bench: Bench, recipe: Recipe, questions: Sequence[Question], arms: Mapping[str, Arm]
) -> Refereed:
    samples = [question.sample for question in questions]
    return ask(
        bench,
        samples,
        [question.asked for question in questions],
        arms["base"].outputs,
        arms["tuned"].outputs,
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
    of: int,
) -> Origin:
    run = adapter.run
    events = list(read_jsonl(run.events)) if run.events.is_file() else []
    return Origin(
        name=adapter.name,
        data={"split": "test", "of": of, **record["data"]},
        provenance={
            "recipe": record["recipe"],
            "seed": record["recipe"]["seed"],
            "adapter_sha256": file_sha256(adapter.weights),
            "generate": {
                "temperature": 0,
                "max_tokens": request.max_tokens,
                "batch_size": batch_size(request, [arms[name] for name in ARMS]),
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


def _say_batches(request: Request, arms: Mapping[str, Arm], model: str, display: Display) -> None:
    if batch_size(request, [arms[name] for name in ARMS]) < request.batch_size:
        display.show(
            Note(
                "mlx_lm does not answer several prompts at once as it answers each alone with"
                f" {model}, so both arms were asked one by one."
            )
        )
