"""The compare stage: a run and its test split in, a verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.compare.arms import Arm, Prompt, Request, longest_answer, run_arm
from mlxr.compare.choice import choose
from mlxr.compare.comparison import Comparison, finish
from mlxr.compare.document import Origin, document
from mlxr.compare.judge import Case, judge, make_scorer, primary_metric
from mlxr.compare.record import offered_tools, source_texts, target_text
from mlxr.compare.report.charts import loss_curve
from mlxr.compare.sample import Sample
from mlxr.compare.shots import Shots, told, with_shots
from mlxr.errors import MlxrError
from mlxr.events import Display, Step
from mlxr.files import file_sha256, read_json, read_jsonl, write_jsonl
from mlxr.manifest import read_manifest
from mlxr.prep.tokens import Tokenizer, load_tokenizer, prompt_sha256
from mlxr.recipe import Recipe, typed
from mlxr.workspace import Adapter, Prepared, Workspace


@dataclass(frozen=True)
class _Question:
    """One test record, ready to be asked."""

    record: Mapping[str, Any]
    sample: Sample
    prompt: Prompt
    prompt_sha256: str


def compare(
    adapter: Adapter,
    workspace: Workspace,
    display: Display,
    *,
    allow_degenerate: bool = False,
    shots: int | None = None,
) -> Comparison:
    """Judge base against tuned on the test split and write the reports into the run's folder.

    `shots` takes the place of the recipe's `compare.shots`. Answers that an arm gave before are
    not generated again. Raises MlxrError when the run is
    unfinished, its data are gone or changed, or an arm fails.
    """
    run = adapter.run
    record = run.read_record()
    recipe, path = Recipe.model_validate(record["recipe"]), Path(record["recipe_path"])
    prepared = workspace.prepared(recipe.name)
    manifest = read_manifest(prepared, recipe, typed(path, record.get("set", ())))
    _check(adapter, record, manifest.sha256, path)
    _check_answers(prepared)
    train_targets = [target_text(row) for row in read_jsonl(prepared.split("train"))]
    primary_metric(recipe.compare, make_scorer(recipe.compare, train_targets))
    display.show(Step(f"Reading the test split of {recipe.name}"))
    tokenizer = load_tokenizer(recipe)
    questions = _questions(prepared, recipe, tokenizer)
    request = _request(recipe, questions)
    count = recipe.compare.shots if shots is None else shots
    prompted = _shots(count, request, questions, prepared, recipe, tokenizer) if count else None
    asked = {"base": (request, None), "tuned": (request, adapter.folder)}
    if prompted:
        asked["prompted"] = (prompted.request, None)
    arms = {
        name: run_arm(name, what, weights, adapter.compare, workspace.outputs, display)
        for name, (what, weights) in asked.items()
    }
    display.show(Step("Scoring and judging"))
    judgement = judge(
        Case(
            samples=[question.sample for question in questions],
            base=arms["base"].outputs,
            tuned=arms["tuned"].outputs,
            train_targets=train_targets,
            rules=recipe.compare,
            seed=recipe.seed,
            prompts=[question.prompt_sha256 for question in questions],
            train_loss=None if adapter.checkpoint else record["result"]["train_loss"],
            allow_degenerate=allow_degenerate,
        )
    )
    made = document(
        _origin(adapter, record, request, arms, prepared, manifest.rows["test"]), judgement
    )
    if prompted:
        scorer = make_scorer(recipe.compare, train_targets)
        made["prompted"], lines = told(prompted, arms["prompted"], judgement, scorer, recipe.seed)
        write_jsonl(adapter.compare / "prompted.jsonl", lines)
    return finish(adapter.compare, made, judgement, adapter.folder)


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
                "batch_size": request.batch_size,
            },
            "trained_with": record["versions"],
        },
        arms={name: arm.cost() for name, arm in arms.items()},
        findings=read_json(prepared.audit)["findings"],
        loss_curve=loss_curve(events),
    )


def _check(adapter: Adapter, record: Mapping[str, Any], data: str, path: Path) -> None:
    """Raise MlxrError when the run cannot be judged on these data."""
    run = adapter.run
    if "result" not in record:
        raise MlxrError(
            f"Run {run.name} has not ended (or was killed).",
            f"Wait for it, or go on with it: mlxr train {path} --resume",
        )
    if not adapter.weights.is_file():
        raise MlxrError(
            f"Run {run.name} has no adapter: it ended before the first weights were saved"
            f" ({record['status']}).",
            f"mlxr train {path}",
        )
    if record["data"]["sha256"] != data:
        raise MlxrError(
            f"The data of {run.folder.parent.name} were prepared anew since run {run.name} was"
            " trained: its training rows may now be test rows.",
            f"Train on the new data: mlxr train {path}",
        )


def _check_answers(prepared: Prepared) -> None:
    """Raise MlxrError where there are no prompts to answer."""
    if any("text" in row for row in read_jsonl(prepared.split("test"))):
        raise MlxrError(
            f"{prepared.split('test')} is plain text: there is no prompt to answer, nor an answer.",
            "mlx_lm measures its loss: python -m mlx_lm lora --test",
        )


def _questions(prepared: Prepared, recipe: Recipe, tokenizer: Tokenizer) -> list[_Question]:
    """Return the test records in tokens, checked against those that prep saw."""
    rows = _chosen(list(read_jsonl(prepared.split("test"))), recipe)
    sources = source_texts(rows)
    questions = [
        _question(row, source, tokenizer) for row, source in zip(rows, sources, strict=True)
    ]
    drifted = [
        q.sample.id
        for q, row in zip(questions, rows, strict=True)
        if q.prompt_sha256 != row["mlxr"]["prompt_sha256"]
    ]
    if drifted:
        raise MlxrError(
            f"{len(drifted)} of {len(rows)} test prompts have other tokens now than when they were"
            f" prepared (first: {drifted[0]}): the tokenizer or its chat template has changed.",
            f"Prepare and train again with {recipe.model} as it is now.",
        )
    context = tokenizer.context_length
    longest = max(len(question.prompt.ids) for question in questions)
    if context and longest > context:
        raise MlxrError(
            f"A test row has {longest:,} tokens, more than the model's {context:,}.",
            "Lower train.max_seq_length to the model's limit, then prepare again.",
        )
    return questions


def _chosen(rows: Sequence[Mapping[str, Any]], recipe: Recipe) -> list[Mapping[str, Any]]:
    """Return the test records that `compare.limit` leaves, the same for every arm."""
    about = [row["mlxr"] for row in rows]
    ids, categories = [each["id"] for each in about], [each.get("category") for each in about]
    return [rows[i] for i in choose(ids, categories, recipe.compare.limit, recipe.seed)]


def _question(row: Mapping[str, Any], source: str, tokenizer: Tokenizer) -> _Question:
    messages, about = row["messages"], row["mlxr"]
    tokens = tokenizer.encode(messages, row.get("tools"))
    sample = Sample(
        id=about["id"],
        prompt=tokenizer.decode(tokens.prompt),
        target=target_text(row),
        category=about.get("category"),
        cluster=about.get("cluster"),
        source=source,
        tools=offered_tools(row),
    )
    prompt = Prompt(tuple(tokens.ids), tokens.offset, sample.target)
    return _Question(row, sample, prompt, prompt_sha256(tokens.prompt))


def _shots(
    count: int,
    request: Request,
    questions: Sequence[_Question],
    prepared: Prepared,
    recipe: Recipe,
    tokenizer: Tokenizer,
) -> Shots:
    """Return what the base is asked with `count` examples in its prompt."""
    train = list(read_jsonl(prepared.split("train")))
    records = [question.record for question in questions]
    return with_shots(request, records, train, count, recipe.seed, tokenizer)


def _request(recipe: Recipe, questions: Sequence[_Question]) -> Request:
    prompts = tuple(question.prompt for question in questions)
    lengths = [len(prompt.ids) - prompt.offset for prompt in prompts]
    return Request(
        model=recipe.model,
        trust_remote_code=recipe.trust_remote_code,
        prompts=prompts,
        max_tokens=recipe.compare.max_tokens or longest_answer(lengths),
        batch_size=recipe.compare.batch_size,
    )
