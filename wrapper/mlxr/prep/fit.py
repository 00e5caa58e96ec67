"""What becomes of a record that is longer than max_seq_length."""

from __future__ import annotations

from collections.abc import Callable

from mlxr.prep.conversation import Conversation, Example, PlainText
from mlxr.prep.tokens import Refused, Tokenizer, Tokens

Cut = tuple[Example, Tokens]


def cut(example: Example, tokens: Tokens, tokenizer: Tokenizer, limit: int) -> Cut | None:
    """Return the record, now of `tokens`, cut between tokens until it fits `limit` of them.

    Of a conversation, the last user message is cut from the left: as much of it stays as fits,
    and all of the answer. A plain text is cut from the right. None when the record is too long
    even with one token left.
    """
    if isinstance(example, PlainText):
        starts = tokenizer.starts(example.text)
        return _longest(
            lambda count: PlainText(example.text[: starts[count]]), limit, tokenizer, starts, limit
        )
    place = _last_user(example)
    if place is None:
        return None
    text = example.messages[place]["content"].rstrip()
    starts = tokenizer.starts(text)
    return _longest(
        lambda count: _with_text(example, place, text[starts[-count] :].lstrip()),
        limit,
        tokenizer,
        starts,
        limit - (len(tokens.ids) - len(starts)),
    )


def _longest(
    shorter: Callable[[int], Example],
    limit: int,
    tokenizer: Tokenizer,
    starts: list[int],
    guess: int,
) -> Cut | None:
    """Return the record with the most tokens of its text that fits, looking near `guess` first."""
    fitting: dict[int, Cut] = {}

    def fits(count: int) -> bool:
        attempt = shorter(count)
        [found] = tokenizer.encode_all([attempt])
        if isinstance(found, Refused) or len(found.ids) > limit:
            return False
        fitting[count] = attempt, found
        return True

    return fitting.get(most(fits, guess, len(starts) - 1))


def most(fits: Callable[[int], bool], guess: int, highest: int) -> int:
    """Return the largest number from 1 to `highest` that fits, or 0; smaller ones fit too."""
    low, high, step = 0, highest + 1, 1
    number = guess
    while high - low > 1:
        if not low < number < high:
            number = (low + high) // 2
        if fits(number):
            low, number = number, number + step
        else:
            high, number = number, number - step
        step *= 2
    return low


def _last_user(conversation: Conversation) -> int | None:
    places = [i for i, m in enumerate(conversation.messages[:-1]) if m["role"] == "user"]
    return places[-1] if places else None


def _with_text(conversation: Conversation, place: int, text: str) -> Conversation:
    messages = list(conversation.messages)
    messages[place] = {**messages[place], "content": text}
    return Conversation(tuple(messages), conversation.tools)
