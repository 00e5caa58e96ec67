"""Each finding on a small bad sample, its silence on sound rows, and planted shares."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mlxr.prep.audit.findings import FINDINGS, Finding
from prep.audit.answered import (
    Row,
    changed,
    codes,
    event,
    events,
    findings,
    name,
    planted,
    split_of,
)

TOOLS = tuple(
    {"type": "function", "function": {"name": tool, "parameters": {"city": {"type": "string"}}}}
    for tool in ("get_weather", "find_hotel", "book_table")
)


def of(code: str, rows: list[Row]) -> Finding:
    """Return the one finding of a kind."""
    (found,) = [finding for finding in findings(rows) if finding.code == code]
    return found


def calls(count: int = 200) -> list[Row]:
    """Return sound rows of calls."""
    return [
        Row(
            f"What about {name(i)} for {i + 20} people?",
            [call(("get_weather", "find_hotel", "book_table")[i % 3], city=name(i), people=i + 20)],
            split_of(i),
            tools=TOOLS,
        )
        for i in range(count)
    ]


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    text = json.dumps(arguments)
    return {"id": "1", "type": "function", "function": {"name": tool, "arguments": text}}


def texts(count: int = 200) -> list[Row]:
    """Return sound rows of free texts."""
    return [
        Row(
            f"Tell me about {name(i)}.",
            f"{name(i)} is a village near {name(i + 3000)}, known for its {name(i + 6000)} mill.",
            split_of(i),
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("rows", [events(), calls(), texts()], ids=["events", "calls", "texts"])
def test_sound_rows_raise_nothing(rows: list[Row]) -> None:
    assert findings(rows) == []


def test_left_out_rows_count_for_nothing() -> None:
    bad = [replace(row, prompt=f"{row.prompt} {row.answer}", split=None) for row in events(50)]
    assert findings([*events(), *bad]) == []


def leaked(_: int, row: Row) -> Row:
    return replace(row, prompt=f"{row.prompt}\nAnswer: {row.answer}")


def invented(number: int, row: Row) -> Row:
    return changed(row, attendees=[name(number + 50_000)])


def undated(number: int, row: Row) -> Row:
    return changed(row, date=f"{(number + 5) % 28 + 1:02}/{(number + 3) % 12 + 1:02}/1987")


def emptied(_: int, row: Row) -> Row:
    return changed(row, date=None, time=None, attendees=[], location=None, notes=None)


def misread(number: int, row: Row) -> Row:
    return replace(row, answer=[call("get_weather", city=name(number + 50_000))])


def unknown_tool(number: int, row: Row) -> Row:
    return replace(row, answer=[call("launch_rocket", city=name(number))])


def undesirable(_: int, row: Row) -> Row:
    return replace(row, label=False, split="train")


@pytest.mark.parametrize("share", [0.05, 0.2, 0.8])
@pytest.mark.parametrize(
    ("code", "rows", "flaw"),
    [
        ("answer-in-prompt", events(), leaked),
        ("answer-in-prompt", texts(), leaked),
        ("ungrounded-target", events(), invented),
        ("ungrounded-target", events(), undated),
        ("ungrounded-target", calls(), misread),
        ("ungrounded-target", calls(), unknown_tool),
        ("mostly-null-target", events(), emptied),
        ("undesirable-in-train", [replace(row, label=True) for row in events()], undesirable),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_a_planted_flaw_is_counted_to_the_row(
    code: str, rows: list[Row], flaw: Callable[[int, Row], Row], share: float
) -> None:
    rows = planted(rows, share, flaw)
    found = of(code, rows)
    assert sum(found.counts.values()) == round(share * len(rows))
    assert found.message.startswith(f"{round(share * 200)} of 200 rows ({100 * share:.1f} %): ")
    assert len(found.examples) == 3
    others = {finding.code for finding in findings(rows)} - {code}
    assert others <= {"imbalanced"}  # of labels, where one is rare


@pytest.mark.parametrize("share", [0.05, 0.2, 0.8])
def test_planted_conflicts_are_counted_to_the_row(share: float) -> None:
    rows = events()
    pairs = round(share * len(rows) / 2)
    for i in range(pairs):
        rows[2 * i] = replace(rows[2 * i], prompt=rows[2 * i + 1].prompt)
    found = of("conflicting-targets", rows)
    assert sum(found.counts.values()) == 2 * pairs
    assert f"({pairs} prompt" in found.message


def test_a_constant_answer_is_one_in_nearly_all_rows() -> None:
    same = [planted(texts(), s, lambda _, r: replace(r, answer="Sorry.")) for s in (0.2, 0.8, 1)]
    assert codes(same[0]) == []
    assert of("constant-target", same[1]).message == (
        "160 of 200 rows (80.0 %): the answer is the same; "
        "always giving it would be right in 80.0 %."
    )
    assert sum(of("constant-target", same[2]).counts.values()) == 200


def test_a_constant_field_is_named() -> None:
    rows = [changed(row, location="Main Hall") for row in events()]
    rows = [replace(row, prompt=f"{row.prompt} In the main hall.") for row in rows]
    assert [(f.code, f.message) for f in findings(rows)] == [
        (
            "constant-target",
            "200 of 200 rows (100.0 %): a field has its one usual value; "
            "always giving it would be right in: location 100.0 %.",
        )
    ]


def test_an_ordinary_label_is_no_constant() -> None:
    rows = [
        Row(f"Is {name(i)} spam? {name(i + 500)}", "spam" if i % 10 == 0 else "ham", split_of(i))
        for i in range(200)
    ]
    assert codes(rows) == []


def test_few_rows_are_not_called_constant() -> None:
    assert codes([Row(f"Say {name(i)}.", "Yes.") for i in range(9)]) == []


def test_a_single_tool_is_no_constant() -> None:
    rows = [
        replace(row, answer=[call("get_weather", city=name(i))]) for i, row in enumerate(calls())
    ]
    assert codes(rows) == []


def test_common_answers_in_prompts_are_an_error() -> None:
    levels = [of("answer-in-prompt", planted(events(), s, leaked)).level for s in (0.05, 0.8)]
    assert levels == ["warning", "error"]


def test_the_worst_fields_are_named_first() -> None:
    rows = planted(events(), 0.2, invented)
    rows = planted(rows, 0.8, lambda i, row: changed(row, location=f"{name(i + 60_000)}"))
    assert of("ungrounded-target", rows).message.endswith(
        "values occur nowhere in the prompt: "
        "location (80.0 % of those given), attendees[] (20.0 % of those given)."
    )


def test_a_slip_or_two_is_not_reported() -> None:
    assert codes(planted(events(), 0.02, invented)) == []


def test_labels_need_not_stand_in_the_prompt() -> None:
    kinds = ("work", "leisure", "family", "health")
    rows = [changed(row, kind=kinds[i % 4], urgent=i % 2 == 0) for i, row in enumerate(events())]
    assert codes(rows) == []


def test_a_wrong_value_among_copied_labels_is_ungrounded() -> None:
    rooms = ("red", "green", "blue")
    rows = [
        replace(changed(row, room=rooms[i % 3]), prompt=f"{row.prompt} The {rooms[i % 3]} room.")
        for i, row in enumerate(events())
    ]
    rows = planted(rows, 0.1, lambda _, row: changed(row, room="violet"))
    assert sum(of("ungrounded-target", rows).counts.values()) == 20


def test_results_of_arithmetic_need_not_stand_in_the_prompt() -> None:
    rows = [
        Row(
            f"{name(i)} sells {i + 13} of {7 * i + 1009} pots at {i + 31} euros, then {3 * i + 57}",
            json.dumps({"answer": (i + 13) * (i + 31) + (3 * i + 57) * (i + 31)}),
            split_of(i),
        )
        for i in range(200)
    ]
    assert codes(rows) == []


def test_tools_known_by_heart_are_no_flaw() -> None:
    rows = [replace(row, tools=None) for row in calls()]
    assert codes(rows) == []


def test_nulls_are_measured_by_field() -> None:
    rows = planted(events(), 0.2, emptied)
    nulls = sum(v in (None, []) for row in rows for v in json.loads(str(row.answer)).values())
    message = of("mostly-null-target", rows).message
    assert f"right in {100 * nulls / 1200:.1f} % of all fields (notes " in message
    assert "attendees[] 20.0 %" in message


def test_every_code_is_in_the_table() -> None:
    assert {
        "answer-in-prompt",
        "ungrounded-target",
        "mostly-null-target",
        "constant-target",
        "conflicting-targets",
        "undesirable-in-train",
        "imbalanced",
        "test-too-small",
    } <= set(FINDINGS)


def test_the_order_of_calls_and_keys_is_no_conflict() -> None:
    two = [call("get_weather", city="Oslo"), call("find_hotel", city="Oslo")]
    rows = [Row("Weather and hotel in Oslo?", two), Row("Weather and hotel in Oslo?", two[::-1])]
    text, record = event(1)
    turned = dict(reversed(record.items()))
    rows += [Row(text, json.dumps(record)), Row(text, json.dumps(turned, indent=2))]
    assert "conflicting-targets" not in codes(rows)
