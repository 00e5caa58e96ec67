"""The rule behind every number, and which verdicts fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Ran
from mlxr.compare.explain import explained, parse_codes
from mlxr.compare.scorers import SCORERS, ScorerOptions
from mlxr.errors import MlxrError

Run = Callable[..., Ran]


@pytest.mark.parametrize("task", SCORERS)
def test_every_metric_of_every_task_is_explained(task: str) -> None:
    scorer = SCORERS[task](ScorerOptions(fields={"a": "text"}))
    for metric in scorer.metrics:
        [found] = [each for each in explained(metric.name) if task in each.tasks]
        text = " ".join(found.paragraphs)
        assert metric.explanation in text
        assert scorer.signature.split("|fields:")[0] in text
        assert (task in found.primary_of) == (metric.name == scorer.primary)


def test_explain_needs_no_run(mlxr: Run) -> None:
    ran = mlxr("compare", "--explain", "valid_any")
    assert ran.code == 0
    assert "Newcombe" in ran.out
    assert "guardrail" in ran.out
    assert "mlxr.extraction/1" in ran.out
    assert "mlxr.tools/1" in ran.out
    assert json.loads(mlxr("compare", "--explain", "exact", "--json").out)[0]["tasks"] == ["text"]
    assert "Did you mean micro_f1?" in mlxr("compare", "--explain", "mikro_f1").err


def test_fail_on_takes_verdicts_in_either_case() -> None:
    assert parse_codes(["Regressed,blocked", "INCONCLUSIVE"]) == {
        "REGRESSED", "BLOCKED", "INCONCLUSIVE",
    }  # fmt: skip
    assert parse_codes([]) == set()
    with pytest.raises(MlxrError, match="no verdict 'worse'"):
        parse_codes(["worse"])


def test_fail_on_decides_the_exit_code(mlxr: Run) -> None:
    """A difference of one sample in sixty: nothing can be claimed."""
    for name in "ab":
        rows = [
            {"id": i, "expected": f"w{i}", "output": f"w{i}" if i % 2 or (i == 0 and name == "b")
             else f"no {i}"}
            for i in range(60)
        ]  # fmt: skip
        Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("compare", "--predictions", "a.jsonl", "b.jsonl", "--task", "text", "-q")
    ran = mlxr(*command)
    assert "INCONCLUSIVE" in ran.out
    assert ran.code == 0
    assert mlxr(*command, "--fail-on", "regressed,blocked,inconclusive").code == 3
    assert mlxr(*command, "--fail-on", "improved").code == 0
    assert mlxr(*command, "--fail-on", "sad").code == 1
