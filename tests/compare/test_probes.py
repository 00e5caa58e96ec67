"""The probes that ship: rules that tell an instruction obeyed from one that was not."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import MODEL
from mlxr.compare.probes import probe as module
from mlxr.compare.probes.checks import CHECKS, passes
from mlxr.compare.probes.probe import (
    ANSWER,
    Instruction,
    instructions,
    make_probes,
    passages,
    probes_sha256,
)
from mlxr.prep.tokens import load_tokenizer
from mlxr.recipe import Recipe
from mlxr.recipe.data import Data

PROBES = instructions()
STUCK = (
    "", " \n", "{}", "[]", "null", "None", "{}{}{}", "yesno", "x", "0",
    '[{"name": "find", "arguments": {"what": "it"}}]',
    '{"action": "meet", "date": null, "attendees": ["Ada"]}',
    '{"tool_calls": [{"name": "answer", "arguments": {"text": "- a\\n- b\\n- c"}}]}',
    "{{{{{{{{{{{{", "no no no no", "Thank you for your message.",
)  # fmt: skip
"""What tuned models write when they have forgotten all else."""


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_an_example_passes_and_what_stuck_models_write_does_not(probe: Instruction) -> None:
    assert probe.passed(probe.example)
    assert probe.passed(f"<think>\nWhat is asked?\n</think>\n\n{probe.example}\n")
    assert [text for text in STUCK if probe.passed(text)] == []


def test_one_answer_to_everything_passes_at_most_its_own_probe_and_another() -> None:
    for text in (probe.example for probe in PROBES):
        assert 1 <= sum(probe.passed(text) for probe in PROBES) <= 2, text


def test_the_probes_are_forty_and_forty_and_every_check_is_used() -> None:
    assert len(PROBES) == len({p.id for p in PROBES}) == len({p.prompt for p in PROBES}) == 40
    assert {probe.check for probe in PROBES} == set(CHECKS)
    texts = passages()
    assert len(texts) == len({p.id for p in texts}) == len({p.text for p in texts}) == 40
    assert Counter(p.kind for p in texts) == {"english": 22, "other": 12, "code": 6}
    assert all(150 < len(p.text.encode()) < 900 for p in texts)


@pytest.mark.parametrize(
    ("answer", "check", "value", "passed"),
    [
        ("White.", "answer", ["white"], True),
        ("It is white.", "answer", ["white"], False),
        ("12", "number", 12, True),
        ("= 12.0", "number", 12, True),
        ("7 + 5 = 12", "number", 12, False),
        ("The sum of the two is 12", "number", 12, False),
        ("- a\n- b", "bullets", 2, True),
        ("* a\n\n* b\n", "bullets", 2, True),
        ("Here:\n- a\n- b", "bullets", 2, False),
        ("- a\n- b\n- c", "bullets", 2, False),
        ("1. a\n2. b", "numbered", 2, True),
        ("1. a\n3. b", "numbered", 2, False),
        ("red, green, blue.", "commas", 3, True),
        ("- red, green, blue", "commas", 3, False),
        ("The sea is wide. It is deep.", "sentences", 2, True),
        ("The sea is wide and deep.", "sentences", 2, False),
        ("HELLO", "upper", None, True),
        ("Hello", "upper", None, False),
        ("rain fell all night.", "lower", None, True),
        ("Rain fell all night.", "lower", None, False),
        ("Where did you go?", "question", 1, True),
        ("Where did you go? And why?", "question", 1, False),
        ("Although it rains, we go.", "begins", "although", True),
        ("We go, although it rains.", "begins", "although", False),
        ("All is well. See you soon!", "ends", "see you soon", True),
        ("J'aime la musique et le chant.", "language", "french", True),
        ("I like the music of the sea.", "language", "french", False),
        ("Ein Lehrer ist in der Schule.", "language", "german", True),
        ("Las personas beben agua porque es vida.", "language", "spanish", True),
        ("A train has more than one window.", "mentions", ["train", "window"], True),
        ("The training has more than windows.", "mentions", ["train", "window"], False),
        ("The nights are long and dark.", "avoids", ["cold"], True),
        ("The nights are long and cold.", "avoids", ["cold"], False),
        ("Flour and water make a dough.", "prose", None, True),
        ("```\nFlour and water make a dough.\n```", "prose", None, False),
        ("- Flour and water make a dough.", "prose", None, False),
        ("Too many words are in this sentence", "words", 5, False),
    ],
)
def test_the_rules(answer: str, check: str, value: object, passed: bool) -> None:
    assert passes(answer, check, value) is passed


@given(st.text(max_size=200))
def test_no_text_breaks_a_rule(text: str) -> None:
    assert {probe.passed(text) for probe in PROBES} <= {True, False}


def test_an_answer_must_be_about_what_was_asked() -> None:
    assert passes("The moon reflects sunlight.", "prose", None, ("sun",))
    assert not passes("I cannot help with that.", "prose", None, ("sun",))


def test_probes_come_from_the_prompt_builder() -> None:
    recipe = Recipe(name="r", model=str(MODEL), data=Data(source="x"))
    tokenizer = load_tokenizer(recipe)
    probes = make_probes(recipe, tokenizer)
    assert [len(request.prompts) for request in probes.requests] == [40, 40]
    first = probes.passages.prompts[0]
    assert (probes.passages.max_tokens, first.offset) == (0, 1)
    whole = tokenizer.decode(first.ids)
    assert (whole, whole.endswith(first.target)) == (passages()[0].text, True)
    assert all(len(p.ids) <= 512 for p in probes.passages.prompts)
    assert probes.instructions is not None
    asked = probes.instructions.prompts[0]
    expected = tokenizer.opening([{"role": "user", "content": PROBES[0].prompt}])
    assert (list(asked.ids), asked.offset) == (expected, len(expected))
    assert probes.instructions.max_tokens == ANSWER


def test_a_model_with_a_borrowed_chat_template_is_not_asked_to_obey() -> None:
    recipe = Recipe(name="r", model=str(MODEL), data=Data(source="x"), chat_template="t.jinja")
    probes = make_probes(recipe, load_tokenizer(recipe.model_copy(update={"chat_template": None})))
    assert probes.instructions is None
    assert "chat template" in probes.skipped
    assert len(probes.requests) == 1


def test_the_hash_names_the_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = probes_sha256()
    assert len(whole) == 64
    monkeypatch.setattr(module, "_FILES", ("passages.jsonl",))
    assert probes_sha256() != whole
