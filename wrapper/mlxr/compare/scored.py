"""Figures without a verdict: how both arms do on the validation split, to choose a run by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlxr.compare.arms import run_arm
from mlxr.compare.case import Case
from mlxr.compare.figures import answered
from mlxr.compare.judge import make_scorer, primary_metric
from mlxr.compare.metric import Metric
from mlxr.compare.questions import make_request, read_questions
from mlxr.compare.ready import check_answers, ready
from mlxr.compare.record import target_text
from mlxr.compare.scoring import score_all, totals
from mlxr.events import Display
from mlxr.files import file_sha256, read_jsonl, write_json
from mlxr.loaded import ARMS
from mlxr.prep.tokens import load_tokenizer
from mlxr.recipe import Recipe
from mlxr.workspace import Adapter, Prepared, Run, Workspace

SCHEMA = "mlxr.scores/1"


@dataclass(frozen=True)
class Scored:
    """Every metric of two arms, by name."""

    primary: Metric
    base: Mapping[str, float]
    tuned: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return what scores.json says of it."""
        return {
            "schema": SCHEMA,
            "primary": self.primary.name,
            "base": dict(self.base),
            "tuned": dict(self.tuned),
        }


def score(run: Run, workspace: Workspace, display: Display) -> Scored:
    """Return how base and tuned do on the validation split, and keep it in the run's sweep/.

    That is for choosing between runs, by the same rules as `compare`; it is no verdict, and the
    test rows stay unseen. Raises MlxrError as `compare` does.
    """
    found = ready(Adapter(run), workspace, "valid")
    recipe = found.recipe
    questions = read_questions(found.prepared, recipe, load_tokenizer(recipe), "valid")
    request = replace(make_request(recipe, questions), drift=False)
    base, tuned = (
        run_arm(name, [request], weights, run.sweep, workspace.outputs, display)[0].outputs
        for name, weights in (("base", None), ("tuned", found.adapter.folder))
    )
    figures = scored(
        Case(
            samples=[question.sample for question in questions],
            base=base,
            tuned=tuned,
            train_targets=[target_text(row) for row in found.train()],
            rules=recipe.compare,
            seed=recipe.seed,
            prompts=[question.prompt_sha256 for question in questions],
        )
    )
    about = {"run": run.name, "adapter_sha256": file_sha256(run.adapter)}
    data = {"split": "valid", "n": len(questions), **found.record["data"]}
    write_json(run.scores, {**about, "data": data, **figures.to_json()})
    return figures


def check_choice(recipe: Recipe, prepared: Prepared) -> Metric:
    """Return the metric by which `score` tells runs apart.

    Raises MlxrError where there is none by that name, or the validation split has no answers.
    """
    check_answers(prepared, "valid")
    targets = [target_text(row) for row in read_jsonl(prepared.split("train"))]
    return primary_metric(recipe.compare, make_scorer(recipe.compare, targets))


def scored(case: Case) -> Scored:
    """Return the metrics of a case, by the scorer that would judge it."""
    scorer = make_scorer(case.rules, case.train_targets)
    scores = score_all(scorer, case.samples, answered(case))
    base, tuned = (totals(scorer.metrics, scores[arm]) for arm in ARMS)
    return Scored(primary_metric(case.rules, scorer), base, tuned)
