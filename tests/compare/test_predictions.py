"""Stored outputs that mlxr did not write: read, matched, judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from conftest import Ran
from mlxr.compare.predictions import parse_columns, read_predictions
from mlxr.errors import MlxrError
from mlxr.files import read_json, read_jsonl

Run = Callable[..., Ran]


def written(name: str, rows: Sequence[Any]) -> Path:
    """Write rows as JSON Lines or, for a .json name, as an array."""
    array = name.endswith(".json")
    text = json.dumps(rows) if array else "".join(json.dumps(row) + "\n" for row in rows)
    Path(name).write_text(text, encoding="utf-8")
    return Path(name)


def asked(n: int, answer: Callable[[int], str]) -> list[dict[str, Any]]:
    return [{"q": f"Question {i}?", "said": answer(i), "gold": f"answer {i}"} for i in range(n)]


COLUMNS = "prompt=q,output=said,expected=gold"


def half(i: int) -> str:
    return f"answer {i}" if i % 2 else f"no {i}"


def test_an_array_and_lines_with_columns_of_their_own_are_judged(mlxr: Run) -> None:
    base = written("old.json", asked(60, half))
    tuned = written("new.jsonl", asked(60, lambda i: f"Answer  {i}")[::-1])
    ran = mlxr("compare", "--predictions", base, tuned, "--columns", COLUMNS, "--task", "text")
    assert ran.code == 0, ran.err
    assert "IMPROVED" in ran.out
    assert "test rows seen in training: not checked" in ran.out
    folder = Path("compare/old-new")
    document = read_json(folder / "compare.json")
    primary = document["metrics"][0]
    assert (primary["name"], primary["base"]["value"], primary["tuned"]["value"]) == (
        "exact", 0.5, 1.0,
    )  # fmt: skip
    assert (primary["paired"]["fixed"], primary["paired"]["broken"]) == (30, 0)
    assert {metric["name"] for metric in document["metrics"]} == {"exact", "token_f1"}
    assert document["arms"] == {}
    assert document["data"]["columns"] == {"prompt": "q", "output": "said", "expected": "gold"}
    samples = list(read_jsonl(folder / "samples.jsonl"))
    assert [s["tuned"]["output"] for s in samples] == [f"Answer  {i}" for i in range(60)]
    assert samples[0]["tuned"]["tokens"] is None
    assert samples[0]["tuned"]["finish"] is None
    assert {p.name for p in folder.iterdir()} == {
        "compare.json", "report.html", "report.md", "samples.jsonl",
    }  # fmt: skip
    assert str(folder / "report.html") in ran.out


def test_no_file_of_the_users_is_overwritten(mlxr: Run) -> None:
    columns = ("--columns", COLUMNS, "--task", "text")
    base = written("samples.jsonl", asked(20, half))
    tuned = written("new.jsonl", asked(20, lambda i: f"answer {i}"))
    before = base.read_bytes()
    ran = mlxr("compare", "--predictions", base, tuned, *columns, "--out", ".")
    assert ran.code == 1
    assert "samples.jsonl is there already, and would be overwritten." in ran.err
    assert base.read_bytes() == before
    Path("mine").mkdir()
    Path("mine/report.html").write_text("thesis")
    ran = mlxr("compare", "--predictions", base, tuned, *columns, "--out", "mine")
    assert ran.code == 1
    assert "--out FOLDER" in ran.err
    assert [path.name for path in Path("mine").iterdir()] == ["report.html"]
    for _ in range(2):  # an earlier comparison of these very files is theirs to replace
        assert mlxr("compare", "--predictions", base, tuned, *columns).code == 0
    Path("other").mkdir()
    other = written("other/new.jsonl", asked(20, half))
    ran = mlxr("compare", "--predictions", base, other, *columns)
    assert ran.code == 1
    assert "compare/samples-new/compare.json is there already" in ran.err


def test_json_needs_no_model_and_no_recipe(mlxr: Run) -> None:
    def rows(right: int) -> list[dict[str, Any]]:
        due = [{"name": f"n{i}", "when": "noon"} for i in range(40)]
        said = [each if i < right else {"name": None, "when": None} for i, each in enumerate(due)]
        return [{"id": i, "output": a, "expected": e} for i, (a, e) in enumerate(zip(said, due))]  # noqa: B905

    files = written("a.jsonl", rows(5)), written("b.jsonl", rows(35))
    ran = mlxr("compare", "--predictions", *files, "--task", "extraction", "--out", "there", "-q")
    assert ran.code == 0, ran.err
    document = read_json(Path("there/compare.json"))
    assert document["fields"]["name"]["tuned"]["tp"] == 35
    assert set(document["baselines"]) == {"all_null"}


def test_the_rules_of_a_recipe_hold(mlxr: Run, write_recipe: Callable[..., Path]) -> None:
    recipe = write_recipe(extra='[compare]\ntask = "text"\nprimary = "token_f1"\nlimit = 20\n')
    files = written("a.jsonl", asked(60, half)), written("b.jsonl", asked(60, half))
    ran = mlxr("compare", recipe, "--predictions", *files, "--columns", COLUMNS, "--json")
    document = json.loads(ran.out)
    assert document["metrics"][0]["name"] == "token_f1"
    assert document["data"]["n"] == 20
    assert ran.code == 4
    assert document["verdict"]["blockers"] == ["ADAPTER_NO_EFFECT"]


def test_rows_match_by_id_and_equal_prompts_in_their_order() -> None:
    base = [{"id": 1, "output": "a", "expected": "x"}, {"id": 2, "output": "b", "expected": "y"}]
    tuned = [{"id": "2", "output": "B"}, {"id": "1", "output": "A"}]
    found = read_predictions(written("a.json", base), written("b.jsonl", tuned), {})
    assert [s.id for s in found.samples] == ["1", "2"]
    assert [o.text for o in found.tuned] == ["A", "B"]
    twice = [{"prompt": "p", "output": t, "target": "x"} for t in "ab"]
    found = read_predictions(written("a.jsonl", twice), written("b.jsonl", twice), {})
    assert [o.text for o in found.tuned] == ["a", "b"]
    assert len({s.id for s in found.samples}) == 2
    assert len(set(found.prompts)) == 1


def test_samples_jsonl_itself_can_be_judged_again(mlxr: Run) -> None:
    files = written("a.jsonl", asked(40, half)), written("b.jsonl", asked(40, lambda i: f"no {i}"))
    first = mlxr("compare", "--predictions", *files, "--columns", COLUMNS, "--task", "text")
    assert first.code == 3
    again = Path("compare/a-b/samples.jsonl")
    columns = "base.output=base.output,tuned.output=tuned.output"
    ran = mlxr("compare", "--predictions", again, again, "--columns", columns, "--task", "text",
               "--json")  # fmt: skip
    assert ran.code == 3
    before = read_json(Path("compare/a-b/compare.json"))
    after = json.loads(ran.out)
    for one, other in zip(before["metrics"], after["metrics"], strict=True):
        # Drawn intervals follow the order of the ids, which are others now.
        assert (one["base"]["value"], one["tuned"]["value"]) == (
            other["base"]["value"], other["tuned"]["value"],
        )  # fmt: skip
    assert len(after["metrics"]) == len(before["metrics"])


def test_no_output_counts_as_failed_and_truncation_is_known_where_it_was_kept() -> None:
    rows = [{"id": 1, "output": None, "expected": "x", "finish_reason": "length", "tokens": 3},
            {"id": 2, "output": "y", "expected": "x", "finish_reason": "eos"}]  # fmt: skip
    found = read_predictions(written("a.jsonl", rows), written("b.jsonl", rows), {})
    assert [(o.text, o.finish, o.tokens) for o in found.base] == [
        ("", "error", 3), ("y", "stop", None),
    ]  # fmt: skip


ROW = {"id": 1, "output": "a", "expected": "x"}
MISTAKES = [
    ([ROW], [{**ROW, "id": 2}], {}, "1 of the 1 rows of a.jsonl are not in b.jsonl"),
    ([ROW], [{"id": 1, "said": "a"}], {}, "b.jsonl:1 has no column 'output or prediction"),
    ([ROW, ROW], [ROW], {}, "a.jsonl has the id '1' twice"),
    ([{"output": "a"}], [{"output": "a"}], {}, "have neither id nor prompt"),
    ([{"id": 1, "output": "a"}], [{"id": 1, "output": "a"}], {}, "nowhere what is expected"),
    ([ROW], [{**ROW, "expected": "z"}], {}, "expected to be different things"),
    ([ROW], [ROW], {"expected": "gold"}, "No row has a column 'gold'"),
    ([], [ROW], {}, "a.jsonl has no rows"),
]


@pytest.mark.parametrize(("base", "tuned", "columns", "said"), MISTAKES)
def test_what_does_not_fit_is_said(base: Any, tuned: Any, columns: Any, said: str) -> None:
    files = written("a.jsonl", base), written("b.jsonl", tuned)
    with pytest.raises(MlxrError) as caught:
        read_predictions(*files, columns)
    assert said in caught.value.message


@pytest.mark.parametrize("text", ["[1, 2]", "[{]"])
def test_an_array_of_something_else_is_named(text: str) -> None:
    Path("a.json").write_text(text)
    with pytest.raises(MlxrError, match=r"a\.json"):
        read_predictions(Path("a.json"), Path("a.json"), {})


def test_columns_are_parsed_and_unknown_roles_refused() -> None:
    assert parse_columns(["prompt=a.b, output=c", "base.output=d"]) == {
        "prompt": "a.b", "output": "c", "base.output": "d",
    }  # fmt: skip
    for text in ("promt=a", "prompt", "prompt="):
        with pytest.raises(MlxrError, match="ROLE=COLUMN"):
            parse_columns([text])


def test_a_task_is_asked_for_and_options_do_not_stray(mlxr: Run) -> None:
    files = written("a.jsonl", [ROW]), written("b.jsonl", [ROW])
    assert "Name a recipe, or a task" in mlxr("compare", "--predictions", *files).err
    ran = mlxr("compare", "--predictions", *files, "--task", "txt")
    assert "There is no task 'txt'" in ran.err
    ran = mlxr("compare", "--predictions", "no.jsonl", "b.jsonl", "--task", "text")
    assert "There is no file no.jsonl" in ran.err
    assert mlxr("compare", "--task", "text").code == 2
