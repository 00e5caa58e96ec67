"""Small tokenizers, rows and recipes from which the tests of prep are made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mlxr.events import Silent
from mlxr.prep.stage import Preparation, prepare
from mlxr.recipe import Recipe
from mlxr.workspace import Workspace

CHAT = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{{ m.content }}{% if m.tool_calls %}{{ m.tool_calls | tojson }}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""ChatML with a BOS; <|im_end|> is the EOS."""

TEMPLATE = (
    "{% block system %}Answer in French.{% endblock %}\n"
    "{% block prompt %}{{ text }}{% endblock %}\n"
    "{% block completion %}{{ answer }}{% endblock %}\n"
)

SPECIAL = ["<pad>", "<s>", "<|im_start|>", "<|im_end|>"]


def write_model(folder: Path, chat: str | None = CHAT, more: Iterable[str] = ()) -> Path:
    """Write a byte-level BPE tokenizer with the chat template `chat`, and a config.json."""
    import tokenizers
    from transformers import PreTrainedTokenizerFast

    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[*SPECIAL, *more],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([f"the answer to question {i} is a number" for i in range(50)], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="<|im_end|>",
        pad_token="<pad>",
        chat_template=chat,
    )
    tokenizer.save_pretrained(folder)
    config = {"model_type": "llama", "max_position_embeddings": 512, "eos_token_id": 3}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def clean_rows(count: int = 40) -> list[dict[str, Any]]:
    """Return rows of which none is at fault."""
    return [{"text": f"What is question {i}?", "answer": f"number {i}"} for i in range(count)]


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_recipe(model: Path, source: Path | str, **tables: Any) -> Recipe:
    """Return a recipe over `source`; `data`, `train` and other keys come on top of defaults."""
    data: dict[str, Any] = {"source": str(source), **tables.pop("data", {})}
    if "messages" not in data and "template" not in data:
        template = Path(str(model)).parent / "template.jinja"
        template.write_text(TEMPLATE)
        data["template"] = str(template)
    data.setdefault("splits", {"train": 24, "valid": 8, "test": 8})
    values = {"name": "sample", "model": str(model), "data": data, **tables}
    return Recipe.model_validate(values)


def prepared(recipe: Recipe, root: Path) -> Preparation:
    """Prepare `recipe` in the workspace `root`."""
    return prepare(recipe, Workspace(root), Silent())


def records(preparation: Preparation) -> dict[str, list[dict[str, Any]]]:
    """Return the written records by split."""
    splits = {}
    for split in ("train", "valid", "test"):
        path = preparation.prepared.split(split)
        if path.exists():
            splits[split] = [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]
    return splits


def names(folder: Path) -> list[str]:
    """Return what lies in `folder`, hidden or not."""
    return sorted(path.name for path in folder.iterdir())


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file under `folder` with its bytes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
