"""Ollama's TEMPLATE writes what the chat template writes, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL
from export.templates import JOINING, OTHER
from mlxr.errors import MlxrError
from mlxr.export.chat_form import ChatForm, read_form
from mlxr.prep.tokens import Tokenizer, load_tokenizer
from mlxr.recipe import Recipe
from prep.samples import write_model

TALK = [
    {"role": "user", "content": "What is {x} in\ntwo lines?"},
    {"role": "assistant", "content": "y"},
    {"role": "user", "content": "And then?"},
]
SYSTEM = {"role": "system", "content": "Answer in French."}


def tokenizer(model: Path) -> Tokenizer:
    recipe = Recipe.model_validate({"name": "r", "model": str(model), "data": {"source": "x"}})
    return load_tokenizer(recipe)


@pytest.mark.parametrize("name", JOINING)
def test_a_form_writes_what_the_template_writes(tmp_path: Path, name: str) -> None:
    own = tokenizer(write_model(tmp_path / "m", JOINING[name]))
    form = read_form(own)
    talks: list[list[dict[str, Any]]] = [TALK, TALK[:1]]
    if name != "no system message":
        talks += [[SYSTEM, *talk] for talk in talks]
    for talk in talks:
        assert form.render(talk) == own.opening_text(talk)
    assert (form.system is None) == (name == "no system message")


@pytest.mark.parametrize("name", OTHER)
def test_a_template_that_does_more_is_refused(tmp_path: Path, name: str) -> None:
    own = tokenizer(write_model(tmp_path / "m", OTHER[name]))
    with pytest.raises(MlxrError, match="does more than join its messages") as caught:
        read_form(own)
    assert "--as mlx" in caught.value.hint


def test_the_demo_model_as_go_template() -> None:
    assert read_form(tokenizer(MODEL)).go_template() == (
        '{{ range $i, $_ := .Messages }}{{ if eq .Role "system" }}<|system|>{{ .Content }}'
        '{{ else if eq .Role "user" }}{{ if eq $i 0 }}<|user|>'
        "{{ else if and (eq $i 1) $.System }}<|end|><|user|>{{ else }}<|end|><|user|>{{ end }}"
        "{{ .Content }}<|end|><|assistant|>{{ else }}{{ .Content }}{{ end }}{{ end }}"
    )


def test_braces_of_the_chat_template_mean_nothing_in_go() -> None:
    form = ChatForm("{{user}}", "{{assistant}}", "{{end}}", None, "")
    text = form.go_template()
    for literal in ("user}}", "assistant}}", "end}}"):
        assert '{{ "{{" }}' + literal in text
