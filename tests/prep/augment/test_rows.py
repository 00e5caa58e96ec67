from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlxr.errors import MlxrError
from mlxr.prep.augment.rows import augment
from mlxr.prep.sources.source import Row
from mlxr.recipe import Augment

LUNCH = (
    '{% set who = pick("guest") %}\n'
    '{{ {"text": pick(["Lunch", "Tea"]) ~ " with " ~ who ~ " at " ~ number(1, 12),\n'
    '    "output": {"guests": [who]}} | to_json }}\n'
)
POOLS = {"guest": ["Ana", "Bo Lind", "Cy", "Di"]}


def rows(*texts: str) -> list[Row]:
    """Return training rows that say who comes: the last word of each text."""
    values = [{"text": text, "output": {"guests": [text.split()[-1]]}} for text in texts]
    return [Row(file="r", number=i, split="train", values=v) for i, v in enumerate(values, 1)]


def template(folder: Path, text: str) -> str:
    (folder / "row.jinja").write_text(text)
    return str(folder / "row.jinja")


def new(training: list[Row] | None = None, seed: int = 1, **tables: Any) -> list[Row]:
    settings = Augment.model_validate({"pools": POOLS, **tables})
    return list(augment(settings, training or [], seed))


def written(folder: Path, text: str, count: int = 1, **tables: Any) -> list[dict[str, Any]]:
    made = new(rows=count, template=template(folder, text), **tables)
    return [row.values for row in made]


def contents(made: list[Row]) -> list[str]:
    return [json.dumps(row.values, sort_keys=True) for row in made]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 30), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_a_row_follows_from_seed_and_number_alone(
    tmp_path: Path, few: int, more: int, seed: int
) -> None:
    path = template(tmp_path, LUNCH)
    some = new(rows=few, template=path, seed=seed)
    many = new(rows=few + more, template=path, seed=seed)
    assert [row.number for row in many] == list(range(1, few + more + 1))
    assert many[:few] == some
    assert len(set(contents(many))) == few + more


def test_another_seed_writes_other_rows(tmp_path: Path) -> None:
    path = template(tmp_path, LUNCH)
    assert new(rows=9, template=path, seed=1) != new(rows=9, template=path, seed=2)


def test_new_rows_are_marked_as_training_rows_of_their_kind(tmp_path: Path) -> None:
    made = new(
        rows("Lunch with Eve"),
        rows=1,
        template=template(tmp_path, LUNCH),
        swaps=1,
        swap={"output.guests": "guest"},
    )
    places = ["augment/template:1", "augment/swap:1"]
    assert [(row.place, row.split) for row in made] == [(place, "train") for place in places]


WORDS = st.sampled_from(["Ana", "Cy", "Eve", "Flo"])


@given(st.lists(WORDS, max_size=8), st.integers(1, 3), st.integers(1, 3), st.integers(0, 9))
def test_copies_are_new_and_more_swaps_only_add(
    names: list[str], few: int, more: int, seed: int
) -> None:
    training = rows("Meet Flo", *[f"Lunch with {name}" for name in names])
    swap = {"output.guests": "guest"}
    some = new(training, seed, swaps=few, swap=swap)
    many = new(training, seed, swaps=few + more, swap=swap)
    assert many[: len(some)] == some
    assert len(set(contents([*many, *training]))) == len(many) + len(set(contents(training)))
    assert some


def test_a_row_in_which_nothing_can_be_swapped_yields_no_copy() -> None:
    training = rows("Lunch with Eve", "Tea with Flo")
    training[0].values["output"]["guests"] = ["my sister"]
    copies = new(training, swaps=3, swap={"output.guests": "guest"})
    assert len(copies) == 3
    assert all(row.values["text"].startswith("Tea with ") for row in copies)


def test_no_new_row_is_a_training_row(tmp_path: Path) -> None:
    text = '{{ {"text": "Lunch with " ~ pick("guest"), "output": {"guests": ["Ana"]}} | to_json }}'
    made = new(rows("Lunch with Ana"), rows=3, template=template(tmp_path, text))
    assert {row.values["text"] for row in made} == {f"Lunch with {n}" for n in POOLS["guest"][1:]}


def test_a_template_that_knows_no_more_rows_says_how_many(tmp_path: Path) -> None:
    with pytest.raises(
        MlxrError, match=r"row\.jinja writes only 4 different rows, not 5"
    ) as raised:
        written(tmp_path, '{{ {"text": pick("guest")} | to_json }}', 5)
    assert "Lower augment.rows" in raised.value.hint


def test_what_is_drawn(tmp_path: Path) -> None:
    text = '{{ {"two": pick("guest", 2), "n": number(1, 3), "c": chance(0.5), "k": number(0, 9999)}'
    made = written(tmp_path, text + " | to_json }}", 200)
    assert all(len(set(row["two"])) == 2 for row in made)
    assert {row["n"] for row in made} == {1, 2, 3}
    assert 60 < sum(row["c"] for row in made) < 140


def test_pools_of_columns_are_read_from_the_training_rows(tmp_path: Path) -> None:
    text = '{{ {"text": "Dinner with " ~ pick("known")} | to_json }}'
    made = new(
        rows("Lunch with Eve"),
        rows=1,
        template=template(tmp_path, text),
        pools={"known": {"column": "output.guests"}},
    )
    assert made[0].values == {"text": "Dinner with Eve"}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('\n{{ pick("gest") }}', 'row.jinja:2: there is no pool "gest".', "Did you mean guest?"),
        (
            '{{ pick("guest", 5) }}',
            'row.jinja:1: the pool "guest" has only 4 to pick from, not 5.',
            "Pick fewer, or give it more.",
        ),
        ("{{ pick([]) }}", "row.jinja:1: the list has only 0", "Pick fewer"),
        (
            '{{ {"a": chanse(0.5)} | to_json }}',
            "no name 'chanse' (there are pick, chance, number; did you mean chance?)",
            "Edit ",
        ),
        ('{{ {"a": who} | to_json }}', "no name 'who'", "Edit "),
        ('{{ number("a") }}', "row.jinja:1: ", "Edit "),
        ("Lunch", "row.jinja writes no JSON: Expecting value", "It wrote: Lunch"),
        ("", "row.jinja writes no JSON", "It wrote: nothing"),
        ("{} {}", "row.jinja writes no JSON: Extra data", "It wrote: {} {}"),
        ("[{}]", "row.jinja writes JSON, but no object.", "It wrote: [{}]"),
        ("{{ [1, 2] | random }}", "No filter named 'random'", "Edit "),
        ("{{ lipsum() }}", "no name 'lipsum'", "Edit "),
        ("{% if %}", "row.jinja:1 is no Jinja template", "Edit "),
    ],
)
def test_a_template_at_fault_is_named_with_its_line(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    with pytest.raises(MlxrError) as raised:
        written(tmp_path, text)
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_a_path_at_which_no_row_has_a_text_is_refused() -> None:
    with pytest.raises(MlxrError) as raised:
        new(rows("Lunch with Eve"), swaps=1, swap={"output.guest": "guest"})
    assert raised.value.message == "augment.swap: no training row has a text at output.guest."
    assert raised.value.hint.startswith("Did you mean output.guests?")


def test_swaps_end_when_there_are_no_more() -> None:
    training = [Row("r", 1, "train", {"text": "with Ana", "who": "Ana"})]
    made = new(training, swaps=10**9, pools={"p": ["Bo", "Cy"]}, swap={"who": "p"})
    assert len(made) == 2
