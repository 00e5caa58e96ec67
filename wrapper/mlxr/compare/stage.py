"""The compare stage: a run and its test split in, a verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.compare.arms import Arm, Prompt, Request, longest_answer, run_arm
from mlxr.compare.document import document, sample_lines
from mlxr.compare.judge import Case, Judgement, judge, make_scorer, primary_metric
from mlxr.compare.record import offered_tools, source_texts, target_text
from mlxr.compare.report.markdown import markdown
from mlxr.compare.sample import Sample
from mlxr.compare.verdict import Verdict, exit_code
from mlxr.errors import MlxrError
from mlxr.events import Display, Step
from mlxr.files import read_json, read_jsonl, write_json, write_jsonl, write_text
from mlxr.manifest import read_manifest
from mlxr.prep.tokens import Tokenizer, load_tokenizer, prompt_sha256
from mlxr.recipe import Recipe, typed
from mlxr.workspace import Prepared, Run, Workspace


@dataclass(frozen=True)
class Comparison:
    """A judgement, the arms it is about, and where its reports lie."""

    run: Run
    judgement: Judgement
    arms: Mapping[str, Arm]
    document: Mapping[str, Any]
    """What compare.json holds."""
    report: Path

    @property
    def verdict(self) -> Verdict:
        """What it came to."""
        return self.judgement.verdict

    @property
    def exit_code(self) -> int:
        """0, 3 (worse) or 4 (blocked)."""
        return exit_code(self.verdict)


@dataclass(frozen=True)
class _Question:
    """One test record, ready to be asked."""

    sample: Sample
    prompt: Prompt
    prompt_sha256: str


def compare(
    run: Run, workspace: Workspace, display: Display, *, allow_degenerate: bool = False
) -> Comparison:
    """Judge base against tuned on the test split and write the reports into the run's folder.

    Raises MlxrError when the run is unfinished, its data are gone or changed, or an arm fails.
    """
    record = run.read_record()
    recipe, path = Recipe.model_validate(record["recipe"]), Path(record["recipe_path"])
    prepared = workspace.prepared(recipe.name)
    manifest = read_manifest(prepared, recipe, typed(path, record.get("set", ())))
    _check(run, record, manifest.sha256, path)
    _check_answers(prepared)
    train_targets = [target_text(row) for row in read_jsonl(prepared.split("train"))]
    primary_metric(recipe.compare, make_scorer(recipe.compare, train_targets))
    display.show(Step(f"Reading the test split of {recipe.name}"))
    questions = _questions(prepared, recipe)
    request = _request(recipe, questions)
    arms = {}
    for name, adapter in (("base", None), ("tuned", run.folder)):
        what = f"Asking {name}: {len(questions)} prompts, answers of up to {request.max_tokens}"
        display.show(Step(f"{what} tokens"))
        arms[name] = run_arm(name, request, adapter, run.compare, display)
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
            train_loss=record["result"]["train_loss"],
            allow_degenerate=allow_degenerate,
        )
    )
    findings = read_json(prepared.audit)["findings"]
    made = document(run, record, request, arms, judgement, findings)
    return _write(run, judgement, arms, made)


def _write(
    run: Run, judgement: Judgement, arms: Mapping[str, Arm], made: dict[str, Any]
) -> Comparison:
    report = run.compare / "report.md"
    write_jsonl(run.compare / "samples.jsonl", sample_lines(judgement))
    write_text(report, markdown(made, judgement))
    write_json(run.compare / "compare.json", made)
    return Comparison(run, judgement, arms, made, report)


def _check(run: Run, record: Mapping[str, Any], data: str, path: Path) -> None:
    """Raise MlxrError when the run cannot be judged on these data."""
    if "result" not in record:
        raise MlxrError(
            f"Run {run.name} has not ended (or was killed).",
            f"Wait for it, or go on with it: mlxr train {path} --resume",
        )
    if not run.adapter.is_file():
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


def _questions(prepared: Prepared, recipe: Recipe) -> list[_Question]:
    """Return the test records in tokens, checked against those that prep saw."""
    tokenizer = load_tokenizer(recipe)
    rows = list(read_jsonl(prepared.split("test")))[: recipe.compare.limit]
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
    return _Question(sample, prompt, prompt_sha256(tokens.prompt))


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
