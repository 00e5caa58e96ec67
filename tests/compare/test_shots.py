"""The base with examples in its prompt stands beside the verdict, and takes no part in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conftest import MODEL, Ran, questions
from mlxr.compare.arms import Prompt, Request
from mlxr.compare.shots import messages, pick, with_shots
from mlxr.errors import MlxrError
from mlxr.files import read_json, read_jsonl
from mlxr.prep.tokens import Tokenizer, load_tokenizer
from mlxr.recipe import Data, Recipe

from .test_numbers import CONTRACT

Run = Callable[..., Ran]


def record(number: int, asked: str = "What is it?", **about: Any) -> dict[str, Any]:
    said = [("system", "Be brief."), ("user", asked), ("assistant", f"Answer {number}.")]
    return {
        "messages": [{"role": role, "content": content} for role, content in said],
        "mlxr": {"id": f"row{number}", **about},
    }


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(Recipe(name="r", model=str(MODEL), data=Data(source="rows.jsonl")))


def request(tokenizer: Tokenizer, records: list[dict[str, Any]]) -> Request:
    tokens = [tokenizer.encode(each["messages"]) for each in records]
    prompts = tuple(Prompt(tuple(each.ids), each.offset, "") for each in tokens)
    return Request(
        str(MODEL), trust_remote_code=False, prompts=prompts, max_tokens=64, batch_size=4
    )


def test_examples_stand_as_earlier_turns_behind_one_system_message() -> None:
    said = messages(record(0), [record(1), record(2)])
    assert [each["role"] for each in said] == ["system", *["user", "assistant"] * 3]
    assert [each["content"] for each in said][2::2] == ["Answer 1.", "Answer 2.", "Answer 0."]


def test_examples_are_chosen_by_seed_and_never_undesirable() -> None:
    train = [record(i, desirable=i % 2 == 0) for i in range(40)]
    chosen = [each["mlxr"]["id"] for each in pick(train, 3, 42)]
    assert [each["mlxr"]["id"] for each in pick(train[::-1], 3, 42)] == chosen
    assert chosen != [each["mlxr"]["id"] for each in pick(train, 3, 43)]
    assert all(each["mlxr"]["desirable"] for each in pick(train, 20, 1))
    assert len(pick(train, 99, 1)) == 20


def test_a_prompt_ends_as_it_does_without_examples(tokenizer: Tokenizer) -> None:
    asked = [record(0)]
    plain = request(tokenizer, asked)
    shots = with_shots(plain, asked, [record(1), record(2)], 2, 42, tokenizer)
    [before], [after] = plain.prompts, shots.request.prompts
    own = tokenizer.encode(asked[0]["messages"][1:])
    assert after.ids[-len(own.ids) :] == tuple(own.ids)
    assert len(after.ids) - after.offset == len(before.ids) - before.offset
    assert shots.shown == (2,)


def test_a_prompt_has_as_many_examples_as_fit(tokenizer: Tokenizer) -> None:
    asked = [record(0), record(1, "What is it? " * 60)]
    train = [record(2, "What is it? " * 10), record(3, "What is it? " * 10)]
    shots = with_shots(request(tokenizer, asked), asked, train, 2, 42, tokenizer)
    assert shots.shown == (2, 0)
    context = tokenizer.context_length or 0
    assert all(prompt.offset + 64 <= context for prompt in shots.request.prompts)


def test_examples_that_fit_nowhere_are_refused(tokenizer: Tokenizer) -> None:
    asked = [record(0)]
    with pytest.raises(MlxrError, match="has room for an example: the model reads 512 tokens"):
        with_shots(request(tokenizer, asked), asked, [record(1, "word " * 600)], 1, 42, tokenizer)


def test_the_prompted_base_is_told_in_every_report(
    mlxr: Run, write_recipe: Callable[..., Path]
) -> None:
    extra = (
        '[compare]\ntask = "text"\nprimary = "token_f1"\nlimit = 12\nmax_tokens = 8\nshots = 2\n'
    )
    recipe = write_recipe(questions(90), iters=8, extra=extra)
    for command in ("prep", "train"):
        assert mlxr(command, recipe).code == 0
    ran = mlxr("compare", recipe)
    assert ran.code in {0, 3, 4}, ran.err
    assert "Asking prompted: 12 prompts" in ran.err
    folder = Path("adapters/r/0001/compare")
    document, lines = (
        read_json(folder / "compare.json"),
        list(read_jsonl(folder / "prompted.jsonl")),
    )
    assert list(Draft202012Validator(CONTRACT).iter_errors(document)) == []
    _numbers_follow(document, lines, list(read_jsonl(folder / "samples.jsonl")))
    said = document["prompted"]["text"]
    assert "the base with 2 examples in its prompt scores" in said
    for text in (ran.out, *((folder / name).read_text() for name in ("report.md", "report.html"))):
        assert said in " ".join(text.split())

    ran = mlxr("compare", recipe, "--shots", "0", "--json")
    plain = json.loads(ran.out)
    assert "prompted" not in plain
    assert plain["verdict"] == document["verdict"]
    assert plain["metrics"] == document["metrics"]


def _numbers_follow(
    document: dict[str, Any], lines: list[dict[str, Any]], samples: list[dict[str, Any]]
) -> None:
    """Recompute what is told of the prompted base, with nothing of mlxr."""
    told = document["prompted"]
    train = {row["mlxr"]["id"] for row in read_jsonl(Path("data/r/train.jsonl"))}
    assert len(told["examples"]) == told["shots"] == 2
    assert set(told["examples"]) <= train
    assert [line["id"] for line in lines] == [sample["id"] for sample in samples]
    values = [line["values"]["token_f1"] for line in lines]
    tuned = [sample["tuned"]["values"]["token_f1"] for sample in samples]
    assert told["primary"]["value"] == pytest.approx(sum(values) / 12)
    difference = (sum(tuned) - sum(values)) / 12
    assert told["tuned_minus_prompted"]["value"] == pytest.approx(difference)
    assert document["arms"]["prompted"]["tokens"] == sum(line["tokens"] for line in lines)


def test_stored_outputs_have_no_base_to_prompt(mlxr: Run) -> None:
    ran = mlxr("compare", "--predictions", "a.jsonl", "b.jsonl", "--shots", "2")
    assert ran.code == 2
    assert "--shots asks a model" in ran.err
