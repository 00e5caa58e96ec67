"""Every answer of a conversation is trained once, as the recipe asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlxr.prep.tokens import load_tokenizer
from mlxr.recipe import Recipe
from prep.samples import CHAT, make_recipe, prepared, records, write_model, write_rows

TOOLS = [{"name": "add", "parameters": {"a": {"type": "int"}}}]
SHOWS_TOOLS = "{% for t in tools or [] %}{{ t | tojson }}\n{% endfor %}" + CHAT


def talk(number: int, turns: int = 3) -> dict[str, Any]:
    """Return a conversation that calls a tool and ends with a question nobody answers."""
    call = {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You add."},
        {"role": "user", "content": f"hi {number}"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "5", "tool_call_id": "a"},
    ]
    for turn in range(turns - 1):
        messages += [
            {"role": "assistant", "content": f"answer {turn} of {number}"},
            {"role": "user", "content": f"question {turn} of {number}"},
        ]
    return {"messages": messages, "tools": TOOLS}


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    model = write_model(tmp_path / "model", SHOWS_TOOLS)
    source = write_rows(tmp_path / "rows.jsonl", [talk(i) for i in range(24)])
    splits = {"train": 0.5, "valid": 0.25, "test": 0.25}
    return recipe_of(model, source, {"splits": splits})


def recipe_of(model: Path, source: Path, data: dict[str, Any], **tables: Any) -> Recipe:
    values = {"source": str(source), **data}
    return make_recipe(model, source, data=values, allow=["empty-split"], **tables)


def with_(recipe: Recipe, table: str, **values: Any) -> Recipe:
    dumped = recipe.model_dump()
    return Recipe.model_validate({**dumped, table: {**dumped[table], **values}})


def test_every_assistant_token_is_a_target_exactly_once(recipe: Recipe, tmp_path: Path) -> None:
    plain = with_(recipe, "data", template=None)
    found = records(prepared(plain, tmp_path))
    tokenizer = load_tokenizer(plain)
    trained: dict[int, list[str]] = {}
    homes: dict[int, set[str]] = {}
    for split, rows in found.items():
        for record in rows:
            tokens = tokenizer.encode(record["messages"], record["tools"])
            about = record["mlxr"]
            assert (len(tokens.ids), tokens.offset) == (about["tokens"], about["offset"])
            assert tokens.is_prefix
            assert about["cluster"] == f"rows.jsonl:{about['row']}"
            assert len(record["messages"]) == about["turn"] + 1
            text = tokenizer.decode(tokens.ids[tokens.offset :])
            trained.setdefault(about["row"], []).append(text)
            homes.setdefault(about["row"], set()).add(split)
            assert record["messages"][0] == {"role": "system", "content": "You add."}
            assert record["tools"][0]["function"]["name"] == "add"
    assert set(trained) == set(range(1, 25))
    assert all(len(splits) == 1 for splits in homes.values())
    for row, texts in trained.items():
        said = [talk(row - 1)["messages"][i] for i in (4, 6)]
        call = json.dumps([{"id": "a", "type": "function", "function": CALLED}])
        assert sorted(texts) == sorted(
            [f"{call}<|im_end|>\n", *(f"{m['content']}<|im_end|>\n" for m in said)]
        )


CALLED = {"name": "add", "arguments": {"a": 1}}


def test_only_the_last_answer_where_the_recipe_says_so(recipe: Recipe, tmp_path: Path) -> None:
    last = with_(with_(recipe, "data", template=None), "data", turns="last")
    preparation = prepared(last, tmp_path)
    assert sum(preparation.rows.values()) == 24
    [finding] = [f for f in preparation.findings if f.code == "untrained-turns"]
    assert finding.level == "warning"
    assert finding.message.startswith("24 of 24 rows (100.0 %)")


def test_without_a_mask_all_of_a_conversation_is_one_record(recipe: Recipe, tmp_path: Path) -> None:
    whole = with_(with_(recipe, "data", template=None), "train", mask_prompt=False)
    preparation = prepared(whole, tmp_path)
    assert sum(preparation.rows.values()) == 24
    assert "untrained-turns" not in {f.code for f in preparation.findings}


def test_an_opening_that_train_shares_with_test_is_left_out_and_said(
    recipe: Recipe, tmp_path: Path
) -> None:
    def greeting(number: int) -> dict[str, Any]:
        said = ["hi", "hello", f"what is {number}?", f"{number} it is"]
        roles = ["user", "assistant"] * 2
        pairs = zip(roles, said, strict=True)
        return {"messages": [{"role": role, "content": text} for role, text in pairs]}

    write_rows(tmp_path / "rows.jsonl", [greeting(i) for i in range(24)])
    preparation = prepared(with_(recipe, "data", template=None), tmp_path)
    written = records(preparation)
    openings = {
        split: sum(record["mlxr"]["turn"] == 1 for record in rows)
        for split, rows in written.items()
    }
    assert openings["test"] > 0
    assert (openings["train"], openings["valid"]) == (0, 0)
    assert sum(map(len, written.values())) == 24 + openings["test"]
    [overlap] = [f for f in preparation.findings if f.code == "split-overlap"]
    assert sum(overlap.counts.values()) == 24 - openings["test"]
    assert "left out of train, as a later split has it" in overlap.message
