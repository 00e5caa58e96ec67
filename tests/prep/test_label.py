from __future__ import annotations

from typing import Any

import pytest

from mlxr.prep.conversation import BadRowError
from mlxr.prep.label import desirable


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, True),
        (1, True),
        (1.0, True),
        ("1", True),
        (" Chosen ", True),
        ("TRUE", True),
        (False, False),
        (0, False),
        (-1, False),
        (0.0, False),
        ("rejected", False),
        ("no", False),
        (None, None),
        ("", None),
    ],
)
def test_a_named_column_says_it_in_many_ways(value: object, said: bool | None) -> None:
    assert desirable({"kind": value}, "kind", templated=True) is said


def test_a_row_without_the_column_says_nothing() -> None:
    assert desirable({}, "kind", templated=False) is None


@pytest.mark.parametrize("value", ["maybe", 2, 0.5, float("nan"), [], [True], {"a": 1}])
def test_what_is_neither_is_a_bad_row(value: Any) -> None:
    with pytest.raises(BadRowError, match=r"'kind' is .*, neither desirable nor undesirable"):
        desirable({"kind": value}, "kind", templated=False)


@pytest.mark.parametrize(
    ("value", "templated", "said"),
    [
        (True, False, True),
        (False, False, False),
        (False, True, None),  # the template may make an answer of it
        (0, False, None),
        ("bad", False, None),
    ],
)
def test_a_column_label_counts_unnamed_only_if_true_or_false(
    value: object, templated: bool, said: bool | None
) -> None:
    assert desirable({"label": value}, None, templated=templated) is said
