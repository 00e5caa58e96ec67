"""What becomes of a record that is longer than max_seq_length."""

from __future__ import annotations

from mlxr.prep.shapes import Conversation
from mlxr.prep.tokens import Refused, Tokenizer, Tokens


def cut(
    conversation: Conversation, tokenizer: Tokenizer, limit: int
) -> tuple[Conversation, Tokens] | None:
    """Return the record with the last user message cut from the left until it fits `limit` tokens.

    As much of the message stays as fits, and all of the answer. None when the record is too
    long even with only the message's last character.
    """
    place = _last_user(conversation)
    text = conversation.messages[place]["content"].rstrip() if place is not None else ""
    if place is None or not text:
        return None
    best, low, high = None, 1, len(text) - 1
    while low <= high:  # the most characters that fit: more never fit where fewer do not
        middle = (low + high) // 2
        attempt = _with_text(conversation, place, text[-middle:].lstrip())
        tokens = _encoded(attempt, tokenizer)
        if tokens is not None and len(tokens.ids) <= limit:
            best, low = (attempt, tokens), middle + 1
        else:
            high = middle - 1
    return best


def _last_user(conversation: Conversation) -> int | None:
    places = [i for i, m in enumerate(conversation.messages[:-1]) if m["role"] == "user"]
    return places[-1] if places else None


def _with_text(conversation: Conversation, place: int, text: str) -> Conversation:
    messages = list(conversation.messages)
    messages[place] = {**messages[place], "content": text}
    return Conversation(tuple(messages), conversation.tools)


def _encoded(conversation: Conversation, tokenizer: Tokenizer) -> Tokens | None:
    [tokens] = tokenizer.encode_all([conversation])
    return None if isinstance(tokens, Refused) else tokens
