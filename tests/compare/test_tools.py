"""Calls of tools: the golden cases, BFCL's scale beside ours, every form of writing a call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compare.makers import GOLDEN, output
from mlxr.compare.calls import read_calls
from mlxr.compare.sample import Sample, Score
from mlxr.compare.scorers import ScorerOptions
from mlxr.compare.scorers.tools import Tools, call_f1
from mlxr.compare.toolbox import toolbox, tools_in

SCORER = Tools(ScorerOptions())
AREA = {
    "name": "area",
    "parameters": {
        "base": {"type": "int"},
        "height": {"type": "float, optional"},
        "unit": {"type": "str, optional", "default": "cm"},
        "tags": {"type": "List[str], optional"},
        "more": {"type": "Dict[str, Any], optional"},
    },
}


def asked(due: Any, tools: Any = (AREA,)) -> Sample:
    target = due if isinstance(due, str) else json.dumps(due)
    return Sample("s1", "What is due?", target, tools=None if tools is None else tuple(tools))


def call(name: str = "area", **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def score(due: Any, made: Any, tools: Any = (AREA,)) -> Score:
    text = made if isinstance(made, str) else json.dumps(made)
    return SCORER.score(asked(due, tools), output(text))


@pytest.mark.parametrize("case", GOLDEN["tool_calls"], ids=lambda case: case["id"])
def test_golden_tool_calls(case: dict[str, Any]) -> None:
    found = score(case["gold"], case["output"], case["tools"])
    expected = case["expect"]
    assert found.parse == expected["parse"]
    assert found.values["valid_any"] == expected["parse_ok"]
    assert found.values["call_exact"] == expected["exact"]
    assert found.values["names_exact"] == expected["names_exact"]
    assert found.values["args_valid"] == expected["args_valid"]
    counts = (expected["tp"], expected["n_pred"], expected["n_gold"])
    assert found.values["call_f1"] == counts
    assert list(found.errors) == expected["errors"]


PROBES: dict[str, tuple[Any, Any]] = {
    'optional omitted (gold lists "")': ([call(base=1, unit="cm")], [call(base=1)]),
    "optional given, case differs": ([call(base=1)], [call(base=1, unit="CM")]),
    "int given as 10.0": ([call(base=10)], [call(base=10.0)]),
    'int given as "10"': ([call(base=10)], [call(base="10")]),
    "int given as true": ([call(base=1)], [call(base=True)]),
    'string "-5" vs "5"': ([call(base=1, unit="5")], [call(base=1, unit="-5")]),
    'string "1.5" vs "15"': ([call(base=1, unit="15")], [call(base=1, unit="1.5")]),
    'string "a/b" vs "ab"': ([call(base=1, unit="ab")], [call(base=1, unit="a/b")]),
    'string "co:op" vs "coop"': ([call(base=1, unit="coop")], [call(base=1, unit="co:op")]),
    "tab vs space in a string": ([call(base=1, unit="a b")], [call(base=1, unit="a\tb")]),
    "float param given int": ([call(base=1, height=5.0)], [call(base=1, height=5)]),
    "0.1+0.2 vs 0.3": ([call(base=1, height=0.3)], [call(base=1, height=0.1 + 0.2)]),
    "list order differs": ([call(base=1, tags=["a", "b"])], [call(base=1, tags=["b", "a"])]),
    "list [true] vs [1]": ([call(base=1, tags=[1])], [call(base=1, tags=[True])]),
    "list [1.0] vs [1]": ([call(base=1, tags=[1])], [call(base=1, tags=[1.0])]),
    "dict value true vs 1": ([call(base=1, more={"a": 1})], [call(base=1, more={"a": True})]),
    "parallel calls in another order": ([call(base=1), call(base=2)], [call(base=2), call(base=1)]),
    "parallel, duplicate of one": ([call(base=1), call(base=2)], [call(base=1), call(base=1)]),
    "optional given as null": ([call(base=1)], [call(base=1, tags=None)]),
}


@pytest.mark.parametrize(
    ("probe", "bfcl", "ours"), GOLDEN["bfcl_contrast"]["cases"], ids=lambda case: str(case)
)
def test_golden_contrast_with_bfcl(probe: str, bfcl: bool, ours: bool | str) -> None:
    if isinstance(ours, str):  # several right answers to one call: our data have one
        assert probe.startswith("parallel, greedy trap")
        return
    found = score(*PROBES[probe])
    assert found.values["call_exact_bfcl"] == bfcl
    assert found.values["call_exact"] == ours


def test_silence_where_no_call_is_due_is_right_for_bfcl_only() -> None:
    found = score([], "")
    assert (found.values["call_exact_bfcl"], found.values["no_call_ok"]) == (1, 0)
    assert found.errors == ("empty",)
    assert score([], "Not with these tools.").values["no_call_ok"] == 1
    assert score([], '{"answer": 3}').errors == ("decoder_wrong_output_format",)
    assert "no_call_ok" not in score([call(base=1)], "[]").values


ONE, TWO = call(base=1), call(base=2, unit="m")
FORMS = {
    "list": (json.dumps([ONE, TWO]), "strict"),
    "json lines": (f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n", "strict"),
    "python lines": (f"{ONE}\n{TWO}", "pyliteral"),
    "python list": (str([ONE, TWO]), "pyliteral"),
    "tags": (
        f"<tool_call>\n{json.dumps(ONE)}\n</tool_call>\n<tool_call>{json.dumps(TWO)}</tool_call>",
        "fenced",
    ),
    "one tag": (f"<tool_call>{json.dumps([ONE, TWO])}</tool_call>", "fenced"),
    "words and tags": (f"Sure.\n<tool_call>{json.dumps([ONE, TWO])}</tool_call> Done.", "embedded"),
    "mistral": (f"[TOOL_CALLS] {json.dumps([ONE, TWO])}", "fenced"),
    "openai": (
        json.dumps(
            {
                "tool_calls": [
                    {"type": "function", "function": {"name": "area", "arguments": '{"base": 1}'}},
                    {"function": {"name": "area", "arguments": TWO["arguments"]}},
                ]
            }
        ),
        "strict",
    ),
    "other names": (
        json.dumps([{"name": "area", "args": {"base": 1}}, {**TWO, "id": "7"}]),
        "strict",
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_writing_calls_is_read(form: str) -> None:
    text, level = FORMS[form]
    found = score([TWO, ONE], text)
    assert (found.parse, found.values["call_exact"]) == (level, 1)
    assert score(text, [ONE, TWO]).values["call_exact"] == 1, "as a target"


@pytest.mark.parametrize(
    "text",
    [
        '[{"fn": {"base": 1}}]',
        '[{"name": "area"}]',
        '[{"name": "area", "arguments": [1]}]',
        '[{"name": "area", "arguments": "base=1"}]',
        "[1, 2]",
    ],
)
def test_json_that_is_no_call_is_told_from_no_json(text: str) -> None:
    found = score([ONE], text)
    assert found.errors == ("decoder_wrong_output_format",)
    assert found.values["valid_any"] == 0


@pytest.mark.parametrize(
    "text", ["[{", '[{"name": "area", "arguments": {"base": 1}}, {"name"', "x"]
)
def test_what_was_cut_off_earns_nothing(text: str) -> None:
    found = score([ONE, TWO], text)
    assert found.errors == ("decoder_failed",)
    assert found.values["call_f1"] == (0, 0, 2)


def test_without_tools_nothing_is_said_about_arguments() -> None:
    found = score([ONE], [call("circle", base=1)], tools=None)
    assert "args_valid" not in found.values
    assert found.errors == ("wrong_func_name",)


def test_both_ways_to_declare_a_tool_are_read() -> None:
    schema = {
        "type": "function",
        "function": {
            "name": "area",
            "parameters": {
                "type": "object",
                "properties": {
                    "base": {"type": "integer"},
                    "unit": {"type": "string", "default": "cm"},
                    "type": {"type": ["string", "null"]},
                },
                "required": ["base"],
            },
        },
    }
    tool = toolbox([schema])["area"]
    assert {name: (p.kind, p.optional) for name, p in tool.items()} == {
        "base": ("integer", False), "unit": ("string", True), "type": ("any", True),
    }  # fmt: skip
    flat = toolbox([{"name": "f", "parameters": {
        "type": {"type": "str"}, "properties": {"type": "dict"},
        "a": {"type": "Optional[List[int]]"},
        "b": {"type": "Tuple[int, int], optional"}, "c": {"type": "Union[int, str]"}, "d": {},
    }}])["f"]  # fmt: skip
    assert {name: (p.kind, p.optional) for name, p in flat.items()} == {
        "type": ("string", False), "properties": ("object", False), "a": ("array", True),
        "b": ("array", True), "c": ("any", False), "d": ("any", False),
    }  # fmt: skip


def test_tools_are_found_in_a_prompt() -> None:
    text = f"Choose from these [tools]:\n{json.dumps([AREA])}\nQuestion: how large?"
    assert tools_in(text) == (AREA,)
    assert tools_in('Nothing here but {"name": "x"}') is None


def test_slices_tell_new_tools_from_those_seen_in_training() -> None:
    scorer = Tools(ScorerOptions(train_targets=(json.dumps([ONE]),)))
    due = [call(base=1), call("volume", base=2)]
    assert scorer.score(asked(due), output("[]")).slices == {
        "calls due": "several", "tools offered": "1", "tool in training": "unseen",
        "arguments due": "others",
    }  # fmt: skip
    seen = scorer.score(asked([call(unit="cm")]), output("[]")).slices
    assert (seen["calls due"], seen["tool in training"]) == ("one", "seen")
    assert seen["arguments due"] == "defaults only"
    assert scorer.score(asked([]), output("[]")).slices["calls due"] == "none"


def test_targets_are_checked_and_baselines_answer() -> None:
    assert SCORER.check(asked([ONE])) is None
    assert SCORER.check(asked("I cannot.")) is None
    assert SCORER.check(asked("I cannot.", tools=None)) == "no JSON object or list was found"
    assert SCORER.check(asked("")) == "the target is empty"
    answers = {name: answer(asked([ONE])) for name, answer in SCORER.baselines([]).items()}
    assert answers == {"no_call": "[]", "first_tool": '[{"name": "area", "arguments": {}}]'}


def test_a_failed_output_is_wrong() -> None:
    found = SCORER.score(asked([ONE]), output(json.dumps([ONE]), "error"))
    assert found.errors == ("generation_failed",)
    assert found.values["call_exact"] == found.values["call_exact_bfcl"] == 0
    assert read_calls("").problem == "the output is empty"
    assert call_f1((0, 0, 0)) == 1
