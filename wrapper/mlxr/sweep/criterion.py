"""What a sweep tells runs apart by: a figure of the validation split, never of the test split."""

from __future__ import annotations

from dataclasses import dataclass

from mlxr.compare.metric import Metric
from mlxr.compare.scored import check_choice, score
from mlxr.errors import MlxrError
from mlxr.events import Display
from mlxr.files import read_json, wait_for
from mlxr.loaded import ARMS
from mlxr.recipe import Recipe
from mlxr.workspace import Run, Workspace

LOSS = Metric(
    "validation_loss",
    "mean",
    higher_is_better=False,
    title="validation loss",
    explanation="Lowest validation loss of a run, per target token.",
    unit="nats/token",
)


@dataclass(frozen=True)
class Measured:
    """A run's figure, and what the base model comes to by the same."""

    value: float | None
    base: float | None


@dataclass(frozen=True)
class Criterion:
    """The figure."""

    metric: Metric

    def measure(self, run: Run, workspace: Workspace, display: Display) -> Measured:
        """Return the figure of a run that has ended; raises MlxrError where it has none.

        What was measured of these very weights before is taken as it is.
        """
        result = run.read_record()["result"]
        if self.metric == LOSS:
            return Measured(result["best_loss"], result["base_loss"])
        for arm in ARMS:  # whose mlxr was killed, and who still answers
            wait_for(run.sweep / f"{arm}.log")
        scores = read_json(run.scores) if run.scores.is_file() else {}
        if scores.get("adapter_sha256") != result["adapter_sha256"]:
            scores = score(run, workspace, display).to_json()
        name = self.metric.name
        return Measured(scores["tuned"].get(name), scores["base"].get(name))


def criterion(by: str, recipe: Recipe, workspace: Workspace) -> Criterion:
    """Return the figure of `--by loss`, or of the recipe's own primary metric.

    Raises MlxrError where the recipe has no such metric, or its rows have no answers.
    """
    if by == "loss":
        return Criterion(LOSS)
    try:
        return Criterion(check_choice(recipe, workspace.prepared(recipe.name)))
    except MlxrError as error:
        raise MlxrError(
            error.message, f"{error.hint}\nOr choose by validation loss: --by loss"
        ) from None
