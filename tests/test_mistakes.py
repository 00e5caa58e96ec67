"""Ten mistakes that everyone makes: one clear message each, with the place and the next step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import MODEL, Ran, questions

Run = Callable[..., Ran]
Write = Callable[..., Path]


def failed(ran: Ran, *parts: str) -> None:
    """Assert one clear failure that says all `parts`: non-zero, no traceback, nothing on stdout."""
    assert ran.code == 1
    assert ran.out == ""
    assert "Traceback" not in ran.err
    message = ran.err[ran.err.index("error: ") :]
    assert message.count("error: ") == 1
    assert "\n→ " in message, message
    for part in parts:
        assert part in message, message


def test_a_misspelt_key(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe(learning_rat=1e-4)
    failed(mlxr("prep", recipe), "train.learning_rat", "Did you mean learning_rate?", "r.toml")


def test_a_mistake_of_the_command_line_is_not_the_files(
    mlxr: Run, write_recipe: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_recipe()
    ran = mlxr("prep", recipe, "--set", "train.iter=9")
    failed(ran, "with what --set says, has 1 mistake", "Did you mean iters?", "→ Correct --set, ")
    assert "Edit" not in ran.err
    monkeypatch.setenv("MLXR_TRAIN__ITER", "9")
    failed(mlxr("prep", recipe), "with what MLXR_TRAIN__ITER says", "→ Correct MLXR_TRAIN__ITER")
    monkeypatch.delenv("MLXR_TRAIN__ITER")
    both = mlxr("prep", write_recipe(batch=3), "--set", "train.batch_size=x")
    failed(both, "with what --set says, has", "mistakes:", f"→ Edit {recipe}, then run it again.")


def test_a_recipe_that_is_not_there(mlxr: Run, write_recipe: Write, tmp_path: Path) -> None:
    failed(mlxr("prep", "events.toml"), "There is no recipe events.toml", "Check the path.")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "recipes" / "demo").mkdir(parents=True)
    (tmp_path / "recipes" / "demo" / "tiny.toml").write_text("")
    failed(mlxr("prep", "tiny.toml"), "Recipes here: recipes/demo/tiny.toml.")
    write_recipe()
    failed(mlxr("prep", "events.toml"), "Recipes beside it: r.toml.")


def test_a_wrong_type(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe(batch_size="four")
    failed(mlxr("prep", recipe), 'train.batch_size: must be a whole number, not "four"')


def test_a_missing_template(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe()
    (recipe.parent / "t.jinja").rename(recipe.parent / "other.jinja")
    failed(mlxr("prep", recipe), "data.template", "t.jinja does not exist", "other.jinja")


def test_a_missing_column(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe(template=_template("{{ questoin }}"))
    failed(mlxr("prep", recipe), "template-failed", "questoin", "question", "rows.jsonl:1")


def test_an_empty_file(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe([])
    failed(mlxr("prep", recipe), "rows.jsonl has no rows", "data.source")


def test_an_unknown_model_folder(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe(model="./modles/tiny")
    failed(mlxr("prep", recipe), "model: the folder", "modles/tiny does not exist", "Hub id")


def test_a_split_smaller_than_the_batch(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe(batch_size=16)
    failed(mlxr("prep", recipe), "split-too-small", "batch", "train.batch_size")


def test_a_row_with_no_target_after_truncation(mlxr: Run, write_recipe: Write) -> None:
    long = {"question": "word " * 200, "answer": "42"}
    recipe = write_recipe([*questions(60), long], max_seq_length=64, too_long="error")
    failed(mlxr("prep", recipe), "no-target", "rows.jsonl:61", "max_seq_length")


def test_a_model_without_a_chat_template(mlxr: Run, write_recipe: Write, tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(MODEL, base)
    (base / "chat_template.jinja").unlink()
    failed(mlxr("prep", write_recipe(model=base)), "has no chat template", "instruct")


@pytest.mark.parametrize("command", ["compare"])
def test_a_run_that_does_not_exist(mlxr: Run, command: str, tmp_path: Path) -> None:
    failed(mlxr(command, "calendar/0007"), "no run 'calendar/0007'", "mlxr train")
    run = tmp_path / "adapters" / "calendar" / "0001"
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"status": "done"}))
    failed(mlxr(command, "calendar/0007"), "no run 'calendar/0007'", "calendar/0001")


@pytest.mark.parametrize("command", ["compare", "export", "chat"])
def test_a_checkpoint_whose_name_leads_elsewhere(mlxr: Run, command: str, tmp_path: Path) -> None:
    for name in ("0001", "0002"):
        run = tmp_path / "adapters" / "r" / name
        (run / "checkpoints").mkdir(parents=True)
        (run / "run.json").write_text("{}")
        (run / "adapters.safetensors").write_text("")
    failed(mlxr(command, "r/0001@../../0002"), "no checkpoint '../../0002'", "It kept: none")
    assert not (tmp_path / "adapters" / "r" / "0002" / "compare.json").exists()


def write_tiny(path: Path) -> None:
    """Write a .safetensors file of one number."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))


@pytest.mark.parametrize("command", ["compare", "export", "chat", "serve"])
def test_a_run_whose_recipe_nobody_reads(mlxr: Run, command: str, tmp_path: Path) -> None:
    run = tmp_path / "adapters" / "r" / "0001"
    run.mkdir(parents=True)
    write_tiny(run / "adapters.safetensors")
    (run / "adapter_config.json").write_text('{"num_layers": 1, "lora_parameters": {}}')
    record = {"status": "done", "recipe_path": "r.toml", "data": {"sha256": ""}, "versions": {}}
    (run / "run.json").write_text(json.dumps(record | {"recipe": {"name": 3}}))
    words = [command, "r/0001", *(["Hello?"] if command == "chat" else [])]
    failed(mlxr(*words), "is none that this mlxr reads (name)", "another version")
    (run / "run.json").write_text(json.dumps(record | {"recipe": []}))
    failed(mlxr(*words), "is not as `mlxr train` wrote it", "train again")


def test_training_before_preparing(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe()
    failed(mlxr("train", recipe), "is not prepared", f"mlxr prep {recipe}")


def test_training_on_data_prepared_otherwise(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe()
    assert mlxr("prep", recipe).code == 0
    given = ("--set", "train.max_seq_length=100", "--set", "train.optimizer_config={ eps = 1e-9 }")
    changed = mlxr("train", recipe, *given)
    again = f"mlxr prep {recipe} --set train.max_seq_length=100 --set 'train.optimizer_config="
    failed(changed, "train.max_seq_length changed since r was prepared", again)
    prepared = mlxr("prep", recipe, *given)
    assert f"mlxr train {recipe} --set train.max_seq_length=100 --set '" in prepared.err
    assert mlxr("train", recipe, *given, "--set", "train.iters=1").code == 0


def _template(prompt: str) -> str:
    completion = "{% block completion %}{{ answer }}{% endblock %}"
    return f"{{% block prompt %}}{prompt}{{% endblock %}}{completion}"


def test_training_on_data_prepared_from_another_source(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe()
    shutil.copy(recipe.parent / "rows.jsonl", recipe.parent / "other.jsonl")
    assert mlxr("prep", recipe, "--set", "data.source=other.jsonl").code == 0
    failed(mlxr("train", recipe), "data.source changed since r was prepared")


def test_an_answer_that_is_null(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe([{"question": str(i), "answer": None} for i in range(40)])
    failed(mlxr("prep", recipe), "template-failed", "a null would be written as 'None'")


def test_a_file_in_the_place_of_the_data_is_kept(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = write_recipe()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "r").write_text("mine")
    failed(mlxr("prep", recipe), "is a file, where the prepared data belong")
    assert (tmp_path / "data" / "r").read_text() == "mine"


def test_a_folder_that_cannot_be_made(mlxr: Run, write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe()
    (tmp_path / "data").write_text("mine")
    failed(mlxr("prep", recipe), str(tmp_path / "data"))


def test_a_learning_rate_that_is_no_number(mlxr: Run, write_recipe: Write) -> None:
    recipe = write_recipe()
    ran = mlxr("prep", recipe, "--set", "train.learning_rate=inf", "--set", "compare=5")
    failed(ran, "train.learning_rate: must be a finite number", "compare: must be a table, not 5")


def test_resuming_otherwise_than_the_run_began(mlxr: Run, write_recipe: Write) -> None:
    assert mlxr("train", write_recipe(), "--resume", "--set", "train.iters=9").code == 2
    assert mlxr("train", write_recipe(), "--resume", "--dry-run").code == 2
