from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mlxr.errors import MlxrError
from mlxr.prep.audit.conclude import _because
from mlxr.prep.audit.findings import AuditError, Finding, check_allowed
from mlxr.prep.audit.tally import OTHER, Tally

FINDING = Finding("no-target", "error", "2 of 9 rows: gone.", {"train": 2}, ("a:1", "a:2"), "Fix.")


def test_a_finding_survives_json() -> None:
    assert Finding.from_json(FINDING.to_json()) == FINDING


def test_the_error_shows_each_finding_with_places_and_fix() -> None:
    error = AuditError("demo", [FINDING], Path("data/demo/audit-failed.json"))
    assert error.message == (
        "1 finding stops the preparation of demo:\n"
        "  no-target: 2 of 9 rows: gone. (a:1, a:2)\n"
        "    Fix."
    )
    assert error.hint == (
        "All findings are in data/demo/audit-failed.json. "
        'To go on regardless: allow = ["no-target"] in the recipe.'
    )
    assert error.findings == (FINDING,)


def test_known_codes_may_be_allowed() -> None:
    check_allowed(["no-target", "remainder"])


@pytest.mark.parametrize(
    ("code", "hint"),
    [("no-targets", 'Did you mean "no-target"?'), ("xyz", "Findings: template-failed, bad-row")],
)
def test_an_unknown_code_in_allow_is_a_mistake(code: str, hint: str) -> None:
    with pytest.raises(MlxrError) as raised:
        check_allowed(["bad-row", code])
    assert raised.value.message == f'allow: "{code}" is no finding of the audit.'
    assert raised.value.hint.startswith(hint)


def test_records_of_one_row_count_as_one_row() -> None:
    tally = Tally()
    for place in ("a:1", "a:1", "a:2"):
        tally.add("no-target", "train", place)
    assert (tally.total("no-target"), tally.examples["no-target"]) == (2, ["a:1", "a:2"])


def test_reasons_beyond_those_remembered_come_last() -> None:
    assert _because(Counter({"x": 1, OTHER: 7})) == ": x (1); other reasons (7)"
