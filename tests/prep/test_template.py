from __future__ import annotations

from pathlib import Path

import pytest

from mlxr.errors import MlxrError
from mlxr.prep.sandbox import Condition, TemplateFailedError, to_json
from mlxr.prep.template import Template, template_files


def template(folder: Path, text: str, name: str = "t.jinja") -> Template:
    (folder / name).write_text(text)
    return Template(folder / name)


PROMPT = "{% block prompt %}{{ text }}{% endblock %}"
COMPLETION = "{% block completion %}{{ answer | to_json }}{% endblock %}"


def test_blocks_are_rendered_and_trimmed(tmp_path: Path) -> None:
    text = "{% block prompt %}\n\n  Say {{ text }} \n{% endblock %}\n" + COMPLETION
    texts = template(tmp_path, text).render({"text": "<b>", "answer": {"b": 1, "a": "é"}})
    assert texts == {"prompt": "Say <b>", "completion": '{"b": 1, "a": "é"}'}


def test_what_stands_outside_the_blocks_serves_them(tmp_path: Path) -> None:
    text = "{% set who = text | upper %}{% macro hi(x) %}hi {{ x }}{% endmacro %}"
    text += "{% block prompt %}{{ hi(who) }}{% endblock %}" + COMPLETION
    assert template(tmp_path, text).render({"text": "bo", "answer": 1})["prompt"] == "hi BO"


def test_a_template_extends_one_beside_it(tmp_path: Path) -> None:
    (tmp_path / "base.jinja").write_text(
        "{% block system %}Be brief.{% endblock %}" + PROMPT + COMPLETION
    )
    child = "{% extends 'base.jinja' %}{% block prompt %}Q: {{ super() }}{% endblock %}"
    assert template(tmp_path, child).render({"text": "x", "answer": 1}) == {
        "system": "Be brief.",
        "prompt": "Q: x",
        "completion": "1",
    }


@pytest.mark.parametrize("block", ["prompt", "completion"])
def test_a_missing_block_is_named(tmp_path: Path, block: str) -> None:
    text = COMPLETION if block == "prompt" else PROMPT
    with pytest.raises(MlxrError) as raised:
        template(tmp_path, text)
    assert raised.value.message == f"{tmp_path / 't.jinja'} has no block '{block}'."
    assert raised.value.hint == f"Add {{% block {block} %}}…{{% endblock %}}."


def test_a_syntax_error_has_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(MlxrError, match=r"t\.jinja:2 is no Jinja template: "):
        template(tmp_path, PROMPT + "\n{% block completion %}{{ a b }}{% endblock %}")


@pytest.mark.parametrize("name", ["../secret.jinja", "/etc/hostname", "nothing.jinja"])
def test_nothing_outside_the_folder_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.jinja").write_text("secret")
    (tmp_path / "in").mkdir()
    text = f"{{% block prompt %}}{{% include '{name}' %}}{{% endblock %}}" + COMPLETION
    with pytest.raises(MlxrError, match="which is not in its folder"):
        template(tmp_path / "in", text)


def test_an_unknown_column_is_named_with_its_line(tmp_path: Path) -> None:
    text = "{% block prompt %}\nSay\n{{ txet }}{% endblock %}" + COMPLETION
    with pytest.raises(TemplateFailedError) as raised:
        template(tmp_path, text).render({"text": "x", "answer": 1})
    assert str(raised.value) == (
        "t.jinja:3: no column 'txet' (there are text, answer; did you mean text?)"
    )


def test_an_unknown_column_in_to_json_is_no_empty_text(tmp_path: Path) -> None:
    with pytest.raises(TemplateFailedError, match="no column 'answer'"):
        template(tmp_path, PROMPT + COMPLETION).render({"text": "x"})


@pytest.mark.parametrize(
    "attack",
    ["{{ ''.__class__.__mro__ }}", "{{ rows.append(1) }}", "{{ range(10**9) | list }}"],
)
def test_a_template_is_sandboxed(tmp_path: Path, attack: str) -> None:
    text = f"{{% block prompt %}}{attack}{{% endblock %}}" + COMPLETION
    with pytest.raises(TemplateFailedError):
        template(tmp_path, text).render({"rows": [], "answer": 1})


def test_from_json_reads_a_column_and_says_when_it_cannot(tmp_path: Path) -> None:
    text = "{% block prompt %}{{ (text | from_json).a }}{% endblock %}" + COMPLETION
    compiled = template(tmp_path, text)
    assert compiled.render({"text": '{"a": 5}', "answer": 1})["prompt"] == "5"
    with pytest.raises(TemplateFailedError, match="from_json: Expecting"):
        compiled.render({"text": "{", "answer": 1})


def test_to_json_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(float("nan"))


def test_where_holds_or_not() -> None:
    condition = Condition("text | length < 3")
    assert [condition.holds({"text": text}) for text in ("ab", "abc")] == [True, False]


def test_where_on_an_unknown_column_fails() -> None:
    with pytest.raises(TemplateFailedError, match=r"where: no column 'star' .*did you mean stars"):
        Condition("star > 3").holds({"stars": 4})


def test_a_broken_where_shows_itself() -> None:
    with pytest.raises(MlxrError, match=r"data\.where is no Jinja expression") as raised:
        Condition("text |")
    assert raised.value.hint == "It reads: text |"


def test_files_that_a_template_draws_on_belong_to_it(tmp_path: Path) -> None:
    (tmp_path / "other.jinja").write_text("x")
    alone = tmp_path / "alone.jinja"
    alone.write_text(PROMPT)
    assert list(template_files(alone)) == ["alone.jinja"]
    alone.write_text("{% include 'other.jinja' %}")
    assert list(template_files(alone)) == ["alone.jinja", "other.jinja"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("text.title", "'title' is not a value of the row"),
        ("range", "'range' is not a value of the row"),
        ("self", "'self' is not a value of the row"),
        ("answer | map('upper')", "a filter's items are no text"),
        ("raw", "a binary column"),
    ],
)
def test_what_has_no_text_is_not_written(tmp_path: Path, written: str, said: str) -> None:
    asks = f"{{% block prompt %}}{{{{ {written} }}}}{{% endblock %}}" + COMPLETION
    row = {"text": "x", "answer": ["y"], "self": "mine", "raw": b"x"}
    with pytest.raises(TemplateFailedError, match=said):
        template(tmp_path, asks).render(row)


def test_a_column_may_have_the_name_of_a_function(tmp_path: Path) -> None:
    asks = "{% block prompt %}{{ range }} {{ loop }}{% endblock %}" + COMPLETION
    row = {"range": "5 to 7", "loop": 2, "answer": 1}
    assert template(tmp_path, asks).render(row)["prompt"] == "5 to 7 2"


def test_a_template_that_extends_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MlxrError, match=r"t\.jinja extends itself"):
        template(tmp_path, "{% extends 't.jinja' %}" + PROMPT + COMPLETION)


def test_of_very_many_columns_a_message_names_the_first(tmp_path: Path) -> None:
    row = {f"c{i}": i for i in range(1000)}
    with pytest.raises(TemplateFailedError, match=r"c49 and 950 more") as raised:
        template(tmp_path, PROMPT + COMPLETION).render(row)
    assert len(str(raised.value)) < 400
