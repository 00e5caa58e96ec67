from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mlxr.errors import MlxrError
from mlxr.prep.conversation import Conversation
from mlxr.prep.tokens import Refused, Tokenizer, Tokens, load_tokenizer, prompt_sha256
from prep.samples import CHAT, make_recipe, write_model, write_rows

MLX_LM = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from mlx_lm.tuner.datasets import CacheDataset, load_local_dataset
from mlx_lm.utils import load_config, load_tokenizer

model, data = map(Path, sys.argv[1:])
eos = load_config(model).get("eos_token_id")
tokenizer = load_tokenizer(model, {"trust_remote_code": False}, eos_token_ids=eos)
train, _, _ = load_local_dataset(data, tokenizer, SimpleNamespace(mask_prompt=True))
rows = [train.process(train[i]) for i in range(len(train))]
print(json.dumps({"rows": rows, "eos": sorted(tokenizer.eos_token_ids)}))
"""

USER = {"role": "user", "content": "What is question 7?"}
ANSWER = {"role": "assistant", "content": "number 7 <|im_end|>"}
SYSTEM = {"role": "system", "content": "Answer in Français: 東京 🙂."}
CALL = [{"id": "a1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
TOOL = {"role": "tool", "content": "5", "tool_call_id": "a1"}
RECORDS: list[dict[str, Any]] = [
    {"messages": [USER, ANSWER]},
    {"messages": [SYSTEM, USER, ANSWER]},
    {"messages": [SYSTEM, USER, ANSWER, USER, ANSWER]},
    {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": CALL}]},
    {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": CALL}, TOOL, ANSWER]},
    {"messages": [USER, ANSWER], "tools": [{"type": "function", "function": {"name": "f"}}]},
]
THINKING = (
    "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}" + CHAT + "{% if add_generation_prompt"
    " and not enable_thinking %}<think>\n\n</think>\n{% endif %}"
)


def load(model: Path) -> Tokenizer:
    return load_tokenizer(make_recipe(model, model / "rows.jsonl", data={"messages": "messages"}))


@pytest.mark.parametrize(
    ("chat", "more"),
    [(CHAT, ()), (THINKING, ()), (THINKING, ("<think>", "</think>"))],
    ids=["plain", "switch", "thinking"],
)
def test_ids_and_offset_are_those_of_mlx_lm(
    tmp_path: Path, chat: str, more: tuple[str, ...]
) -> None:
    model = write_model(tmp_path / "model", chat, more)
    write_rows(tmp_path / "data" / "train.jsonl", RECORDS)
    command = [sys.executable, "-c", MLX_LM, str(model), str(tmp_path / "data")]
    theirs = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    tokenizer = load(model)
    ours = [tokenizer.encode(record["messages"], record.get("tools")) for record in RECORDS]
    assert [[tokens.ids, tokens.offset] for tokens in ours] == theirs["rows"]
    assert sorted(tokenizer.eos_ids) == theirs["eos"]


def test_a_batch_gives_what_single_records_give(model: Path) -> None:
    tokenizer = load(model)
    conversations = [Conversation(tuple(r["messages"]), None) for r in RECORDS]
    assert tokenizer.encode_all(conversations) == [
        tokenizer.encode(conversation.messages) for conversation in conversations
    ]


def test_the_prompt_is_what_the_mask_covers(model: Path) -> None:
    tokenizer = load(model)
    tokens = tokenizer.encode([SYSTEM, USER, ANSWER])
    prompt = tokenizer.opening([SYSTEM, USER])
    assert prompt == tokens.prompt == tokens.ids[: tokens.offset]
    assert tokens.is_prefix
    assert tokenizer.decode(prompt).endswith("<|im_start|>assistant\n")
    assert tokenizer.decode(tokens.ids[tokens.offset :]) == "number 7 <|im_end|><|im_end|>\n"


def test_a_prompt_hash_is_that_of_its_ids() -> None:
    assert prompt_sha256([1, 2]) == prompt_sha256((1, 2)) != prompt_sha256([12])


@pytest.mark.parametrize(
    ("length", "offset", "limit", "masked", "targets"),
    [
        (10, 4, 20, True, 6),
        (10, 4, 20, False, 9),  # nothing predicts the first token
        (10, 4, 7, True, 3),
        (10, 4, 4, True, 0),
        (10, 12, 20, True, 0),
        (10, 0, 20, True, 9),
    ],
)
def test_targets_are_what_the_loss_counts(
    length: int, offset: int, limit: int, masked: bool, targets: int
) -> None:
    tokens = Tokens(list(range(length)), offset, [])
    assert tokens.targets(limit, masked) == targets


def test_facts_about_the_model(model: Path) -> None:
    tokenizer = load(model)
    assert tokenizer.context_length == 512
    assert tokenizer.bos_id == 1
    assert tokenizer.eos_ids == {3}
    assert tokenizer.is_blank(tokenizer.opening([USER])[-1])


def test_generation_config_has_the_last_word_on_eos(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    (model / "generation_config.json").write_text('{"eos_token_id": [0, 2]}')
    assert load(model).eos_ids == {0, 2, 3}


def test_the_fingerprint_changes_with_the_tokenizer_and_not_with_weights(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    before = load(model).fingerprint
    (model / "model.safetensors").write_bytes(b"weights")
    assert load(model).fingerprint == before
    (model / "chat_template.jinja").write_text(CHAT + " ")
    assert load(model).fingerprint != before


def test_a_refusing_chat_template_says_why(tmp_path: Path) -> None:
    chat = "{% if messages[0].role == 'system' %}{{ raise_exception('No system.') }}{% endif %}"
    tokenizer = load(write_model(tmp_path / "model", chat + CHAT))
    reason = "the model's chat template refuses it: No system"
    good, bad = Conversation((USER, ANSWER)), Conversation((SYSTEM, USER, ANSWER))
    first, second = tokenizer.encode_all([bad, good])
    assert first == Refused(reason)
    assert second == tokenizer.encode(good.messages)
    for refused in (tokenizer.encode, tokenizer.opening):
        with pytest.raises(MlxrError) as raised:
            refused(bad.messages)
        assert raised.value.message == f"{reason}."


def test_no_chat_template_names_the_model_and_the_way_out(tmp_path: Path) -> None:
    model = write_model(tmp_path / "base", chat=None)
    with pytest.raises(MlxrError) as raised:
        load(model)
    assert raised.value.message == (
        f"The tokenizer of {model} has no chat template: it is a base model."
    )
    assert "-Instruct or -it" in raised.value.hint


def test_a_chat_template_inside_mlx_lm_is_not_guessed_at(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    path = model / "tokenizer_config.json"
    config = json.loads(path.read_text()) | {"chat_template_type": "deepseek_v32"}
    path.write_text(json.dumps(config))
    with pytest.raises(MlxrError, match="is a program inside mlx_lm"):
        load(model)


def test_a_broken_tokenizer_is_no_traceback(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    (model / "tokenizer.json").write_text("{")
    with pytest.raises(MlxrError, match=r"The tokenizer of .*/model cannot be loaded: "):
        load(model)


def test_loading_is_silent(model: Path) -> None:
    code = (
        "from pathlib import Path; from prep.test_tokens import ANSWER, load;"
        "long = {'role': 'user', 'content': 'word ' * 5000};"
        f"load(Path({str(model)!r})).encode([long, ANSWER])"
    )
    path = [str(Path(__file__).parents[1]), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path}; {code}"],
        capture_output=True,
        check=True,
    )
    assert done.stdout + done.stderr == b""


def test_a_record_on_which_the_tokenizer_breaks_down_is_refused_alone(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicException(BaseException):
        """What pyo3 raises when Rust code gives up."""

    tokenizer = load(model)
    whole = tokenizer._ids

    def breaking(texts: Sequence[str], *, special: bool = False) -> list[list[int]]:
        if any("break" in text for text in texts):
            raise PanicException("retry limit")
        return whole(texts, special=special)

    monkeypatch.setattr(tokenizer, "_ids", breaking)
    monkeypatch.setattr(tokenizer._boundary, "_encode", breaking)
    talks = [
        Conversation(({"role": "user", "content": text}, ANSWER)) for text in ("a", "break", "b")
    ]
    first, broken, last = tokenizer.encode_all(talks)
    assert isinstance(first, Tokens)
    assert broken == Refused("the model's tokenizer breaks down on it: retry limit")
    assert isinstance(last, Tokens)


def test_a_chat_template_that_is_no_jinja_has_file_and_line(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "chat.jinja"
    path.write_text("{{ bos_token }}\n{% for m in messages %}{{ m.content }")
    recipe = make_recipe(model, tmp_path / "rows.jsonl", chat_template=str(path))
    with pytest.raises(MlxrError, match=r"chat\.jinja:2 is no Jinja template: ") as raised:
        load_tokenizer(recipe)
    assert raised.value.hint == f"Edit {path}:2."


def test_the_recipes_chat_template_takes_the_place_of_the_models(
    model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "chat.jinja"
    path.write_text("{% for m in messages %}<{{ m.content }}>{% endfor %}")
    recipe = make_recipe(model, tmp_path / "rows.jsonl", chat_template=str(path))
    tokenizer = load_tokenizer(recipe)
    assert tokenizer.decode(tokenizer.opening([USER])) == f"<{USER['content']}>"
    assert tokenizer.opening_text([USER]) == f"<{USER['content']}>"
