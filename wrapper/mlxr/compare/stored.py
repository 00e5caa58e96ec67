"""Comparing stored outputs: two files in, a verdict out; no model, no prepared data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlxr.compare.case import Case
from mlxr.compare.choice import choose
from mlxr.compare.comparison import Comparison, finish
from mlxr.compare.document import Origin, document
from mlxr.compare.judge import judge, make_scorer, primary_metric
from mlxr.compare.options import PLAIN, Options
from mlxr.compare.predictions import Predictions, parse_columns, read_predictions
from mlxr.compare.referee import Referee, ask, seat
from mlxr.compare.refereed import Refereed
from mlxr.compare.report.write import FILES
from mlxr.compare.scorers import SCORERS
from mlxr.compare.scorers.extraction import derive_fields
from mlxr.compare.scorers.loss import PER_BYTE, PER_TOKEN
from mlxr.errors import MlxrError
from mlxr.events import Display, Step
from mlxr.files import file_sha256, read_json
from mlxr.loaded import ARMS
from mlxr.recipe import Compare, Recipe

SEED = 42


def compare_stored(
    files: tuple[Path, Path],
    columns: Sequence[str],
    rules: Compare,
    folder: Path,
    display: Display,
    *,
    seed: int = SEED,
    options: Options = PLAIN,
    outputs: Path | None = None,
) -> Comparison:
    """Judge the outputs stored in two files, base and tuned, and write the reports into `folder`.

    `columns` are "role=column,…". Nothing is known of training answers: baselines made of them
    are left out, and so are metrics for which the files hold nothing. A judge is asked which
    answers it prefers; what it says is kept in `outputs`. Of the options, those that ask arms
    count for nothing. Raises MlxrError when rows do not match or lack a column.
    """
    names = parse_columns(columns)
    for path in files:
        if not path.is_file():
            raise MlxrError(f"There is no file {path}.", "--predictions BASE TUNED")
    _check_folder(folder, files)
    display.show(Step(f"Reading {files[0]} and {files[1]}"))
    found = read_predictions(*files, names)
    case = _case(found, _settled(rules, found), seed, options)
    primary_metric(case.rules, make_scorer(case.rules, case.train_targets))
    if options.judge_model:
        places = folder, outputs or folder
        who = seat(options.judge_model, *places, display, case.rules.batch_size)
        case = replace(case, refereed=_refereed(who, case))
    display.show(Step(f"Scoring and judging {len(case.samples):,} samples"))
    judgement = judge(case)
    origin = _origin(files, names, len(found.samples), case)
    return finish(folder, document(origin, judgement), judgement)


def rules_of(recipe: Recipe | None, task: str | None) -> tuple[Compare, int]:
    """Return how stored outputs are judged, and the seed: a recipe's [compare], or a task's.

    Raises MlxrError where neither says what the answers are, or mlxr does not know the task.
    """
    if recipe is None and task is None:
        raise MlxrError(
            "Nothing says what the answers are.", "Name a recipe, or a task: --task extraction"
        )
    if task is not None and task not in SCORERS:
        raise MlxrError(f"There is no task {task!r}.", f"Tasks: {', '.join(SCORERS)}.")
    rules = recipe.compare if recipe else Compare()
    if task is not None:
        rules = rules.model_copy(update={"task": task})
    return rules, recipe.seed if recipe else SEED


def _settled(rules: Compare, found: Predictions) -> Compare:
    """Return the rules with what a recipe's training data would have said.

    Fields come from the expected answers; a text is judged by its words, its loss being unknown.
    """
    if rules.task == "extraction" and not rules.fields:
        fields = derive_fields(sample.target for sample in found.samples)
        return rules.model_copy(update={"fields": fields})
    if rules.task == "text" and rules.primary in (None, PER_TOKEN.name, PER_BYTE.name):
        return rules.model_copy(update={"primary": "exact"})
    return rules


def _unmeasured(found: Predictions) -> set[str]:
    kept = all(output.finish for output in (*found.base, *found.tuned))
    return set() if kept else {"truncated"}


def _case(found: Predictions, rules: Compare, seed: int, options: Options) -> Case:
    """Return what is judged of the stored outputs: those rows that `compare.limit` leaves."""
    ids, categories = [s.id for s in found.samples], [s.category for s in found.samples]
    places = choose(ids, categories, rules.limit, seed)
    samples = [found.samples[i] for i in places]
    # A summary's script decides how it is scored; other tasks take from training answers only
    # what stored outputs cannot tell.
    targets = [sample.target for sample in samples] if rules.task == "summary" else []
    return Case(
        samples=samples,
        base=[found.base[i] for i in places],
        tuned=[found.tuned[i] for i in places],
        train_targets=targets,
        rules=rules,
        seed=seed,
        prompts=[found.prompts[i] for i in places],
        allow_degenerate=options.allow_degenerate,
        unmeasured=_unmeasured(found),
    )


def _refereed(who: Referee, case: Case) -> Refereed:
    tasks = [sample.prompt for sample in case.samples]
    arms = case.base, case.tuned
    return ask(who, case.samples, tasks, *arms, clusters=case.clusters, seed=case.seed)


def _check_folder(folder: Path, files: tuple[Path, Path]) -> None:
    """Raise MlxrError where the reports would replace what is not an earlier one of these files."""
    there = [folder / name for name in FILES if (folder / name).exists()]
    own = {path.resolve() for path in there} & {path.resolve() for path in files}
    if own or (there and _compared(folder / "compare.json") != [p.resolve() for p in files]):
        raise MlxrError(
            f"{min(own) if own else there[0]} is there already, and would be overwritten.",
            "Choose another folder for the reports: --out FOLDER",
        )


def _compared(path: Path) -> list[Path]:
    """Return the files that an earlier comparison was of; [] where there is none."""
    try:
        data = read_json(path)["data"]
        return [Path(data[arm]["path"]).resolve() for arm in ARMS]
    except (MlxrError, KeyError, TypeError):
        return []


def _origin(files: tuple[Path, Path], names: Mapping[str, str], of: int, case: Case) -> Origin:
    about: dict[str, Any] = {
        arm: {"path": str(path), "sha256": file_sha256(path)}
        for arm, path in zip(ARMS, files, strict=True)
    }
    return Origin(
        name=f"{files[0].stem} – {files[1].stem}",
        data={"split": None, "of": of, **about, "columns": names},
        provenance={"rules": case.rules.model_dump(mode="json"), "seed": case.seed},
    )
