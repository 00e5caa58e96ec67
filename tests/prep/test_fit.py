from __future__ import annotations

from pathlib import Path

import pytest

from mlxr.prep.conversation import Conversation, PlainText
from mlxr.prep.fit import cut, most
from mlxr.prep.tokens import Tokenizer, Tokens, load_tokenizer
from prep.samples import make_recipe

TEXT = " ".join(f"word{i}" for i in range(60))
ANSWER = {"role": "assistant", "content": "number 7"}


@pytest.fixture(scope="module")
def tokenizer(model: Path) -> Tokenizer:
    return load_tokenizer(make_recipe(model, model / "x.jsonl", data={"messages": "m"}))


def fitted(
    record: Conversation, tokenizer: Tokenizer, limit: int
) -> tuple[Conversation, Tokens] | None:
    found = cut(record, tokenizer.encode(record.messages), tokenizer, limit)
    if found is None:
        return None
    kept, tokens = found
    assert isinstance(kept, Conversation)
    return kept, tokens


def conversation(text: str = TEXT, first: str = "Be brief.") -> Conversation:
    return Conversation(
        ({"role": "system", "content": first}, {"role": "user", "content": text}, ANSWER)
    )


@pytest.mark.parametrize("limit", [60, 100, 150])
def test_the_prompt_loses_its_beginning_and_no_more_than_needed(
    tokenizer: Tokenizer, limit: int
) -> None:
    found = fitted(conversation(), tokenizer, limit)
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
    found = fitted(long, tokenizer, whole - 20)
    assert found is not None
    assert found[0].messages[0] == first
    assert len(found[0].messages[2]["content"]) < len(TEXT)


def test_what_cannot_fit_is_given_up(tokenizer: Tokenizer) -> None:
    assert fitted(conversation(first=TEXT), tokenizer, 60) is None
    alone = Conversation(({"role": "system", "content": TEXT}, ANSWER))
    assert fitted(alone, tokenizer, 60) is None


@pytest.mark.parametrize("guess", [-5, 1, 37, 50, 99, 500])
@pytest.mark.parametrize("largest", [0, 1, 37, 98, 99])
def test_the_most_that_fits_is_found_from_any_guess(largest: int, guess: int) -> None:
    asked: list[int] = []

    def fits(number: int) -> bool:
        asked.append(number)
        return number <= largest

    assert most(fits, guess, 99) == largest
    assert all(1 <= number <= 99 for number in asked)


def test_a_good_guess_needs_few_tries() -> None:
    asked: list[int] = []

    def fits(number: int) -> bool:
        asked.append(number)
        return number <= 5001

    assert most(fits, 5000, 10**6) == 5001
    assert len(asked) <= 4


def test_a_plain_text_loses_its_end(tokenizer: Tokenizer) -> None:
    whole = PlainText(TEXT)
    [tokens] = tokenizer.encode_all([whole])
    assert isinstance(tokens, Tokens)
    found = cut(whole, tokens, tokenizer, 40)
    assert found is not None
    kept, fitting = found
    assert isinstance(kept, PlainText)
    assert TEXT.startswith(kept.text)
    assert 36 <= len(fitting.ids) <= 40
    assert fitting.ids[-1] == max(tokenizer.eos_ids)
