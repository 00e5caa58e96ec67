from __future__ import annotations

from pathlib import Path

import pytest

from mlxr.prep.fit import cut
from mlxr.prep.shapes import Conversation
from mlxr.prep.tokens import Tokenizer, load_tokenizer
from prep.samples import make_recipe

TEXT = " ".join(f"word{i}" for i in range(60))
ANSWER = {"role": "assistant", "content": "number 7"}


@pytest.fixture(scope="module")
def tokenizer(model: Path) -> Tokenizer:
    return load_tokenizer(make_recipe(model, model / "x.jsonl", data={"messages": "m"}))


def conversation(text: str = TEXT, first: str = "Be brief.") -> Conversation:
    return Conversation(
        ({"role": "system", "content": first}, {"role": "user", "content": text}, ANSWER)
    )


@pytest.mark.parametrize("limit", [60, 100, 150])
def test_the_prompt_loses_its_beginning_and_no_more_than_needed(
    tokenizer: Tokenizer, limit: int
) -> None:
    found = cut(conversation(), tokenizer, limit)
    assert found is not None
    kept, tokens = found
    text = kept.messages[1]["content"]
    assert TEXT.endswith(text)
    assert len(text) > 3
    assert (kept.messages[0], kept.messages[2]) == (conversation().messages[0], ANSWER)
    assert tokens == tokenizer.encode(kept.messages)
    assert limit - 4 <= len(tokens.ids) <= limit


def test_only_the_last_user_message_is_cut(tokenizer: Tokenizer) -> None:
    first = {"role": "user", "content": TEXT}
    long = Conversation((first, ANSWER, {"role": "user", "content": TEXT}, ANSWER))
    whole = len(tokenizer.encode(long.messages).ids)
    found = cut(long, tokenizer, whole - 20)
    assert found is not None
    assert found[0].messages[0] == first
    assert len(found[0].messages[2]["content"]) < len(TEXT)


def test_what_cannot_fit_is_given_up(tokenizer: Tokenizer) -> None:
    assert cut(conversation(first=TEXT), tokenizer, 60) is None
    alone = Conversation(({"role": "system", "content": TEXT}, ANSWER))
    assert cut(alone, tokenizer, 60) is None
