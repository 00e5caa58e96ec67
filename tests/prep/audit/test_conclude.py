"""Every finding has a smallest sample that raises exactly it; clean rows raise none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mlxr.prep.audit.conclude import padding
from mlxr.prep.audit.findings import FINDINGS, AuditError, Finding
from mlxr.recipe import Train
from prep.samples import CHAT, TEMPLATE, clean_rows, make_recipe, prepared, write_model, write_rows

Rows = list[dict[str, Any]]
LONG = "word " * 200
SIZES = {"train": 24, "valid": 8, "test": 8}


@dataclass(frozen=True)
class Sample:
    """Flawed rows or settings, and the one finding they raise."""

    code: str
    level: str
    message: str
    """A pattern of the whole message."""
    rows: Callable[[], Rows] = clean_rows
    chat: str = CHAT
    data: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    compare: dict[str, Any] = field(default_factory=dict)
    template: str | None = TEMPLATE
    examples: tuple[str, ...] = ()
    count: int | None = None


def replaced(*flaws: dict[str, Any], more: int = 0) -> Callable[[], Rows]:
    """Return clean rows of which the first are flawed; `more` replace what will be left out."""

    def rows() -> Rows:
        first = [{"text": f"Q{i}", "answer": f"A{i}"} | flaw for i, flaw in enumerate(flaws)]
        return first + clean_rows(40 + more)[len(flaws) :]

    return rows


PHRASES = ("the tall ships sail at the break of dawn", "nobody counts the white paper boats")
SAID = {"text": f"Say: {PHRASES[1]}", "answer": PHRASES[1]}


def talks(long: int, count: int) -> Rows:
    """Return conversations of which the first have two answers."""
    one = [
        {"role": "user", "content": "Tell me of {}."},
        {"role": "assistant", "content": "It is {} indeed."},
    ]
    return [
        {"turns": [{**m, "content": m["content"].format(i * 2 + t)} for t in turns for m in one]}
        for i in range(count)
        for turns in [range(2) if i < long else range(1)]
    ]


def events(flawed: int, flaw: dict[str, Any]) -> Rows:
    """Return rows whose answers are JSON; the first have a flawed one."""
    rows = [
        {
            "text": f"Lunch with guest{i} {i} in room {i % 7}",
            "answer": {"who": f"guest{i}", "where": f"room {i % 7}"},
        }
        for i in range(40)
    ]
    for row in rows[:flawed]:
        row["answer"] = flaw
    return [{**row, "answer": json.dumps(row["answer"])} for row in rows]


OTHER_OPENING = CHAT.replace("<|im_start|>assistant", "<|im_start|>bot")
NO_END = "{% for m in messages %}<|im_start|>{{ m.content }}{% endfor %}" + (
    "{% if add_generation_prompt %}<|im_start|>{% endif %}"
)
LONGER_PROMPT = CHAT + "{% if add_generation_prompt %}" + "thought " * 40 + "{% endif %}"

SAMPLES = [
    Sample(
        "template-failed",
        "error",
        r"3 of 43 rows \(7\.0 %\): the template or `where` fails on them: "
        r"template\.jinja:2: no column 'text' \(there are answer\) \(3\)\.",
        lambda: [{"answer": "A"}] * 3 + clean_rows(),
        examples=("rows.jsonl:1", "rows.jsonl:2", "rows.jsonl:3"),
        count=3,
    ),
    Sample(
        "template-failed",
        "warning",
        r"1 of 41 rows \(2\.4 %\): .* where: no column 'text' \(there are answer\) \(1\)\.",
        lambda: [{"answer": "A"}, *clean_rows()],
        data={"where": "text | length > 1"},
        examples=("rows.jsonl:1",),
        count=1,
    ),
    Sample(
        "bad-row",
        "error",
        r"4 of 44 rows \(9\.1 %\): they cannot be used: empty answer \(3\); empty prompt \(1\)\.",
        replaced({"answer": " "}, {"answer": ""}, {"text": ""}, {"answer": ""}, more=4),
        examples=("rows.jsonl:1", "rows.jsonl:2", "rows.jsonl:3"),
        count=4,
    ),
    Sample(
        "bad-row",
        "warning",
        r"1 of 41 rows \(2\.4 %\): they cannot be used: empty answer \(1\)\.",
        replaced({"answer": ""}, more=1),
        examples=("rows.jsonl:1",),
        count=1,
    ),
    Sample(
        "bad-row",
        "error",
        r"40 of 40 rows .*: the model's chat template refuses it: No system \(40\)\.",
        chat="{% if messages[0].role == 'system' %}{{ raise_exception('No system.') }}{% endif %}",
        count=40,
    ),
    Sample(
        "split-too-small",
        "error",
        r"test has 3 rows, fewer than train\.batch_size = 4\.",
        lambda: clean_rows(35),
        data={"splits": {"train": 24, "valid": 8, "test": 3}},
        count=3,
    ),
    Sample(
        "split-too-small",
        "error",
        r"train has 16 rows of the 24 asked for\.",
        lambda: clean_rows(32),
        count=16,
    ),
    Sample(
        "no-target",
        "error",
        r"1 of 40 rows \(2\.5 %\): no answer token is left to train on: "
        r"the answer is cut off \(1\)\.",
        replaced({"text": LONG}),
        train={"max_seq_length": 60, "too_long": "error"},
        examples=("rows.jsonl:1",),
        count=1,
    ),
    Sample(
        "too-long",
        "warning",
        r"1 of 41 rows \(2\.4 %\): they are longer than max_seq_length = 60 "
        r"\(the longest has [\d,]+ tokens\): left out \(1\)\.",
        replaced({"text": LONG}, more=1),
        train={"max_seq_length": 60},
        examples=("rows.jsonl:1",),
        count=1,
    ),
    Sample(
        "too-long",
        "warning",
        r"1 of 40 rows .*: the last user message cut from the left \(1\)\.",
        replaced({"text": LONG}),
        train={"max_seq_length": 60, "too_long": "truncate"},
        examples=("rows.jsonl:1",),
        count=1,
    ),
    Sample(
        "too-long",
        "error",
        r"1 of 40 rows .*: mlx-lm would cut off the end \(1\)\.",
        replaced({"text": LONG}),
        train={"max_seq_length": 60, "too_long": "error"},
        examples=("rows.jsonl:1",),
        count=1,
    ),
    Sample(
        "prompt-not-prefix",
        "error",
        r"40 of 40 rows \(100\.0 %\): the prompt's tokens are not the beginning of .*\.",
        chat=OTHER_OPENING,
        count=40,
    ),
    Sample(
        "no-target",
        "error",
        r"40 of 40 rows .*: the mask covers the whole row \(40\)\.",
        chat=LONGER_PROMPT,
        count=40,
    ),
    Sample(
        "no-end-of-turn",
        "error",
        r"40 of 40 rows \(100\.0 %\): the answer does not end with a token that stops .*\.",
        chat=NO_END,
        count=40,
    ),
    Sample(
        "double-bos",
        "warning",
        r"1 of 40 rows \(2\.5 %\): they begin a text twice: .*\.",
        replaced({"text": "<s>Hi"}),
        examples=("rows.jsonl:1",),
        count=1,
    ),
    Sample(
        "double-eos",
        "warning",
        r"1 of 40 rows \(2\.5 %\): they end an answer twice: .*\.",
        replaced({"answer": "yes<|im_end|>\n"}),
        examples=("rows.jsonl:1",),
        count=1,
    ),
    Sample(
        "split-overlap",
        "warning",
        r"2 of 40 rows \(5\.0 %\): they share their prompt with another row: "
        r"kept together in one split \(2\)\.",
        replaced({"text": "Same  prompt", "answer": "A"}, {"text": "same\nPROMPT", "answer": "A"}),
        examples=("rows.jsonl:1", "rows.jsonl:2"),
        count=2,
    ),
    Sample(
        "tools-left-out",
        "error",
        r"40 of 40 rows \(100\.0 %\): the model's chat template leaves out the tools on offer\.",
        lambda: [{**row, "tools": '[{"name": "search"}]'} for row in clean_rows()],
        template="{% block tools %}{{ tools }}{% endblock %}" + TEMPLATE,
        count=40,
    ),
    Sample(
        "message-left-out",
        "warning",
        r"40 of 40 rows \(100\.0 %\): the model's chat template leaves out what a message says\.",
        chat=CHAT.replace("for m in messages", "for m in messages if m.role != 'system'"),
        count=40,
    ),
    Sample(
        "untrained-turns",
        "warning",
        r"1 of 40 rows \(2\.5 %\): plain mlx-lm would train on the last of several answers only\.",
        lambda: talks(1, 40),
        template=None,
        data={"messages": "turns", "turns": "last"},
        examples=("rows.jsonl:1",),
        count=1,
    ),
    Sample(
        "untrained-turns",
        "info",
        r"2 of 40 rows .*: each answer is a record of its own \(2\)\.",
        lambda: talks(2, 40),
        template=None,
        data={"messages": "turns", "splits": {"train": 25, "valid": 8, "test": 9}},
        examples=("rows.jsonl:1", "rows.jsonl:2"),
        count=2,
    ),
    Sample(
        "answer-in-prompt",
        "warning",
        r"2 of 40 rows \(5\.0 %\): the answer stands verbatim in the prompt, .*\.",
        replaced({"text": f"Say: {PHRASES[0]}", "answer": PHRASES[0]}, SAID),
        examples=("rows.jsonl:1", "rows.jsonl:2"),
        count=2,
    ),
    Sample(
        "answer-in-prompt",
        "error",
        r"40 of 40 rows \(100\.0 %\): .*\.",
        lambda: [
            {"text": f"Say: ship {i}, {PHRASES[0]}", "answer": f"ship {i}, {PHRASES[0]}"}
            for i in range(40)
        ],
        count=40,
    ),
    Sample(
        "ungrounded-target",
        "warning",
        r"2 of 40 rows \(5\.0 %\): values occur nowhere in the prompt: "
        r"who \(5\.0 % of those given\)\.",
        lambda: events(2, {"who": "Zoltan Kalman", "where": "room 0"}),
        examples=("rows.jsonl:1", "rows.jsonl:2"),
        count=2,
    ),
    Sample(
        "mostly-null-target",
        "warning",
        r"2 of 40 rows \(5\.0 %\): more than half of the answer's fields are null; answering null "
        r"everywhere would be right in \d+\.\d % of all fields \(.*\)\.",
        lambda: events(2, {"who": None, "where": None}),
        examples=("rows.jsonl:1", "rows.jsonl:2"),
        count=2,
    ),
    Sample(
        "constant-target",
        "warning",
        r"40 of 40 rows \(100\.0 %\): the answer is the same; always giving it would be right in "
        r"100\.0 %\.",
        lambda: [{**row, "answer": "yes"} for row in clean_rows()],
        count=40,
    ),
    Sample(
        "conflicting-targets",
        "warning",
        r"2 of 40 rows \(5\.0 %\): the same prompt has different answers \(1 prompt\)\.",
        replaced({"text": "Same prompt"}, {"text": "Same prompt"}),
        examples=("rows.jsonl:1", "rows.jsonl:2"),
        count=2,
    ),
    Sample(
        "undesirable-in-train",
        "warning",
        r"4 of 40 rows \(10\.0 %\): their label calls the answer undesirable, .*\.",
        lambda: [{**row, "fine": i % 10 != 0} for i, row in enumerate(clean_rows())],
        data={"label": "fine"},
        count=4,
    ),
    Sample(
        "imbalanced",
        "warning",
        r"1 of 24 rows \(4\.2 %\): a category of 3 under 5 % of the training rows: rare \(1\)\.",
        lambda: [
            {**row, "kind": ["rare", "this", "that"][min(i, 1 + i % 2)]}
            for i, row in enumerate(clean_rows())
        ],
        compare={"category": "kind"},
        count=1,
    ),
    Sample(
        "test-too-small",
        "warning",
        r"test has 8 rows: too few to show a difference; .*\.",
        count=8,
    ),
    Sample(
        "remainder",
        "info",
        r"4 of 40 rows \(10\.0 %\): plain mlx-lm would not use them, as they do not fill a batch "
        r"of 4; \d+ % of its positions would be padding\.",
        data={"splits": {"train": 23, "valid": 8, "test": 9}},
        count=4,
    ),
]


def findings_of(sample: Sample, root: Path) -> tuple[Finding, ...]:
    model = write_model(root / "model", sample.chat)
    source = write_rows(root / "rows.jsonl", sample.rows())
    data = dict(sample.data)
    if sample.template:
        (root / "template.jinja").write_text(sample.template)
        data["template"] = str(root / "template.jinja")
    recipe = make_recipe(model, source, data=data, train=sample.train, compare=sample.compare)
    try:
        findings = prepared(recipe, root).findings
    except AuditError as error:
        audit = json.loads(error.audit.read_text())
        findings = tuple(map(Finding.from_json, audit["findings"]))
    # The test splits here are too small, for the sake of speed; one sample is about that.
    return tuple(f for f in findings if sample.code == f.code or f.code != "test-too-small")


def companions(sample: Sample) -> set[str]:
    """Return the findings that this sample cannot but raise as well."""
    if sample.train.get("too_long") == "error":
        return {"too-long", "no-target"}
    if sample.code == "conflicting-targets":
        return {"split-overlap"}
    if sample.chat == LONGER_PROMPT:
        return {"prompt-not-prefix"}
    return {"empty-split"} if sample.count == 40 and sample.code == "bad-row" else set()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: f"{s.code}-{s.level}")
def test_a_flaw_raises_exactly_its_finding(sample: Sample, tmp_path: Path) -> None:
    findings = findings_of(sample, tmp_path)
    assert {f.code for f in findings} - companions(sample) - {"remainder"} <= {sample.code}
    [finding] = [f for f in findings if f.code == sample.code]
    assert finding.level == sample.level
    assert re.fullmatch(sample.message, finding.message), finding.message
    assert sum(finding.counts.values()) == sample.count
    if sample.examples:
        assert finding.examples == sample.examples
    assert finding.fix == FINDINGS[sample.code].fix


def test_every_finding_has_a_sample() -> None:
    assert {sample.code for sample in SAMPLES} | {"empty-split"} == set(FINDINGS)


def test_clean_rows_raise_nothing(tmp_path: Path) -> None:
    assert findings_of(Sample("", "", ""), tmp_path) == ()


@pytest.mark.parametrize(
    ("sample", "messages"),
    [
        (
            Sample("", "", "", lambda: clean_rows(1)),
            [
                f"{split} is empty: 1 row in all, and test and valid are filled first."
                for split in ("train", "valid")
            ],
        ),
        (
            Sample("", "", "", train={"max_seq_length": 10}),
            [f"{split} is empty (of 40 rows, were too long: 40)." for split in SIZES],
        ),
        (
            Sample("", "", "", data={"where": "false"}),
            [f"{split} is empty: `where` holds for none of 40 rows." for split in SIZES],
        ),
    ],
    ids=["few", "long", "where"],
)
def test_an_empty_split_says_why(sample: Sample, messages: list[str], tmp_path: Path) -> None:
    found = [f for f in findings_of(sample, tmp_path) if f.code == "empty-split"]
    assert [f.message for f in found] == messages
    assert {f.level for f in found} == {"error"}


def test_named_splits_lose_the_training_copy_of_a_test_prompt(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    rows = clean_rows(43)
    write_rows(tmp_path / "set" / "train.jsonl", [rows[0], *rows[19:]])
    write_rows(tmp_path / "set" / "dev.jsonl", rows[8:16])
    write_rows(tmp_path / "set" / "test.jsonl", rows[:8])
    names = {"train": "train", "valid": "dev", "test": "test"}
    preparation = prepared(make_recipe(model, tmp_path / "set", data={"splits": names}), tmp_path)
    [finding] = [f for f in preparation.findings if f.code != "test-too-small"]
    assert (finding.code, finding.level) == ("split-overlap", "warning")
    assert finding.message == (
        "1 of 41 rows (2.4 %): they share their prompt with another row: "
        "left out of train, as a later split has it (1)."
    )
    assert (finding.counts, finding.examples) == ({"train": 1}, ("set/train.jsonl:1",))
    assert preparation.rows == SIZES


@pytest.mark.parametrize("flawed", [2, 8, 32])
def test_the_count_of_a_planted_flaw_is_right(flawed: int, tmp_path: Path) -> None:
    sample = Sample("", "", "", replaced(*({"answer": f"{i}<|im_end|>"} for i in range(flawed))))
    [finding] = findings_of(sample, tmp_path)
    assert sum(finding.counts.values()) == flawed
    assert set(finding.counts) <= set(SIZES)


def test_without_a_mask_the_prompt_is_trained_on(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    source = write_rows(tmp_path / "rows.jsonl", clean_rows())
    masked = prepared(make_recipe(model, source), tmp_path / "a")
    whole = prepared(make_recipe(model, source, train={"mask_prompt": False}), tmp_path / "b")
    assert whole.tokens == masked.tokens
    for split, rows in whole.rows.items():
        assert whole.target_tokens[split] == whole.tokens[split] - rows
        assert masked.target_tokens[split] < whole.target_tokens[split]


def test_padding_is_what_mlx_lm_would_add() -> None:
    train = Train(batch_size=2, max_seq_length=100)
    assert padding([10, 20, 90, 33, 99], train) == pytest.approx(1 - 153 / (2 * 33 + 2 * 97))
    assert padding([200, 200], train) == 0
    assert padding([5], train) == 0


def test_splits_that_are_empty_for_want_of_any_row_are_not_told_as_well(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    source = write_rows(tmp_path / "rows.jsonl", [{"txet": "a"}] * 40)
    with pytest.raises(AuditError) as raised:
        prepared(make_recipe(model, source), tmp_path)
    assert [f.code for f in raised.value.findings] == ["template-failed"] + ["empty-split"] * 3
    assert raised.value.message.startswith("1 finding stops the preparation of sample:")
    assert "empty" not in raised.value.message
    assert 'allow = ["template-failed"]' in raised.value.hint
