"""What is typed becomes, token by token, what training made of the same row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL, questions
from mlxr.chat.prompts import Prompts
from mlxr.chat.talk import Talk, Turn
from mlxr.errors import MlxrError
from mlxr.events import Silent
from mlxr.files import read_json, read_jsonl
from mlxr.prep.conversation import Conversation
from mlxr.prep.stage import prepare
from mlxr.prep.template import Template
from mlxr.prep.tokens import load_tokenizer, prompt_sha256
from mlxr.recipe import load
from mlxr.workspace import Workspace

SYSTEM = """
{% block system %}Be {{ style or "brief" }}.{% endblock %}
{% block tools %}{{ tools }}{% endblock %}
{% block prompt %}{{ question }}{% endblock %}
{% block completion %}{{ answer }}{% endblock %}
"""


def prepared(root: Path, rows: list[dict[str, Any]], template: str | None, **top: Any) -> Prompts:
    """Prepare rows and return the prompt builder of a run on them."""
    (root / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = '[data]\nsource = "rows.jsonl"\n'
    if template:
        (root / "t.jinja").write_text(template)
        data += 'template = "t.jinja"\n'
    keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in top.items())
    path = root / "r.toml"
    path.write_text(f"model = {json.dumps(str(MODEL))}\n{keys}{data}[train]\nbatch_size = 1\n")
    recipe = load(path).recipe
    prepare(recipe, Workspace(root), Silent())
    one = Template(recipe.template) if recipe.template else None
    return Prompts("r/0001", load_tokenizer(recipe), one, plain=False)


def records(root: Path) -> list[dict[str, Any]]:
    return [
        row
        for name in ("train", "valid", "test")
        for row in read_jsonl(root / f"data/r/{name}.jsonl")
    ]


def test_a_templates_prompt_has_the_tokens_of_training(tmp_path: Path) -> None:
    tools = json.dumps([{"name": "repeat", "parameters": {}}])
    rows = questions(20, style="kind", tools=tools)
    prompts = prepared(tmp_path, rows, SYSTEM, allow=["tools-left-out"])
    assert prompts.columns == ["style", "tools", "question"]
    trained = {
        record["mlxr"]["row"]: record["mlxr"]["prompt_sha256"] for record in records(tmp_path)
    }
    assert len(trained) == 20
    for number, row in enumerate(rows, start=1):
        typed = f"question={row['question']}\nstyle=kind\ntools={tools}"
        assert prompt_sha256(prompts.ids(prompts.question(typed))) == trained[number]


def test_a_talk_has_the_tokens_of_a_conversation(tmp_path: Path) -> None:
    rows = [
        {
            "messages": [
                {"role": "system", "content": f"You are number {i}."},
                {"role": "user", "content": f"Who is {i}?"},
                {"role": "assistant", "content": f"I am, {i}."},
                {"role": "user", "content": "And now?"},
                {"role": "assistant", "content": f"Still {i}."},
            ]
        }
        for i in range(12)
    ]
    prompts = prepared(tmp_path, rows, None)
    made = records(tmp_path)
    assert len(made) == 24
    for record in made:
        i = record["mlxr"]["row"] - 1
        talk = Talk(prompts.talks, f"You are number {i}.")
        question = prompts.question(f"Who is {i}?")
        if record["mlxr"]["turn"] == 4:
            talk.turns.append(Turn(question, {"tuned": f"I am, {i}."}))
            question = prompts.question("And now?")
        ids = prompts.ids(question, talk.before("tuned"))
        assert prompt_sha256(ids) == record["mlxr"]["prompt_sha256"]


def test_a_plain_text_begins_as_in_training(tmp_path: Path) -> None:
    tokenizer = _tokenizer(tmp_path)
    prompts = Prompts("r/0001", tokenizer, None, plain=True)
    whole = tokenizer.encode_all([prompts.question("Once upon a time")])[0]
    assert whole.ids[:-1] == prompts.ids(prompts.question("Once upon a time"))
    assert whole.ids[-1] in tokenizer.eos_ids


def _write(root: Path, text: str) -> Path:
    path = root / "t.jinja"
    path.write_text(text)
    return path


def _tokenizer(root: Path, model: Path = MODEL) -> Any:
    path = root / "r.toml"
    path.write_text(f'model = {json.dumps(str(model))}\n[data]\nsource = "rows.jsonl"\n')
    (root / "rows.jsonl").touch()
    return load_tokenizer(load(path).recipe)


def test_columns_are_those_before_the_answer_also_of_a_template_that_extends(
    tmp_path: Path,
) -> None:
    (tmp_path / "frame.jinja").write_text(
        "{% block system %}{{ role }}{% endblock %}{% block prompt %}{{ unused }}{% endblock %}"
        "{% block completion %}{{ answer }}{% endblock %}"
    )
    path = _write(
        tmp_path,
        '{% extends "frame.jinja" %}{% set kind = "event" %}{% macro m(x) %}{{ x }}{% endmacro %}'
        "{% block prompt %}{% for w in words %}{{ kind }}{{ m(w) }}{{ range(3) }}{% endfor %}"
        "{% endblock %}",
    )
    assert Template(path).columns() == ["words", "role"]


def test_a_column_of_the_wrong_kind_names_line_and_way_out(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        "{% block prompt %}{{ event.title }}{% endblock %}{% block completion %}{% endblock %}",
    )
    prompts = Prompts("r/0001", _tokenizer(tmp_path), Template(path), plain=False)
    with pytest.raises(MlxrError, match=r"t\.jinja:1") as caught:
        prompts.question("Tea")
    assert "event" in caught.value.hint
    question = prompts.question('{"event": {"title": "Tea"}}')
    assert isinstance(question, Conversation)
    assert question.messages[0]["content"] == "Tea"


def test_a_prompt_that_fills_the_context_is_refused(tmp_path: Path) -> None:
    prompts = Prompts("r/0001", _tokenizer(tmp_path), None, plain=False)
    with pytest.raises(MlxrError, match=r"tokens, and the model reads 512\."):
        prompts.ids(prompts.question("word " * 600))
    ids = prompts.ids(prompts.question("word " * 200))
    assert prompts.room(ids, 10_000) == 512 - len(ids)
    assert prompts.room(ids, 7) == 7


def test_an_answer_ends_with_the_templates_mark_whatever_the_tokenizers_end_is(
    tmp_path: Path,
) -> None:
    import shutil

    model = tmp_path / "model"
    shutil.copytree(MODEL, model)
    config = read_json(model / "tokenizer_config.json") | {"eos_token": "<|pad|>"}
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    settings = read_json(model / "config.json") | {"eos_token_id": None}
    (model / "config.json").write_text(json.dumps(settings))
    tokenizer = _tokenizer(tmp_path, model)
    end = tokenizer.end_of_turn()
    assert tokenizer.decode([end]) == "<|end|>"
    assert end not in tokenizer.eos_ids
    assert end in Prompts("r/0001", tokenizer, None, plain=False).stops()
    assert end not in Prompts("r/0001", tokenizer, None, plain=True).stops()
