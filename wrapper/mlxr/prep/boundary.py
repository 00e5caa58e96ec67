"""Where the prompt ends in the tokens of a whole record, so that no text is tokenised twice.

A tokenizer cuts a text at its special tokens before anything else, and the pieces between them
do not know of each other (tokenizers' AddedVocabulary). So the ids of prompt and of prompt with
answer agree up to the last special token of the prompt, and only the prompt's rest, often a few
letters that are the same in every row, has to be tokenised again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Encode = Callable[[Sequence[str]], list[list[int]]]
Pair = tuple[list[int], list[int]]
"""The ids of a whole record, and those of its prompt by itself."""

_SHORT = 80
"""Characters up to which a prompt's rest is remembered."""


class Boundary:
    """Tokenises records together with their prompts."""

    def __init__(self, backend: Any, encode: Encode) -> None:
        self._encode = encode
        self._added = backend.get_added_tokens_decoder() if backend is not None else {}
        self._markers: dict[str, int] | None = None
        self._rests: dict[str, list[int]] = {}

    def split(self, pairs: Sequence[tuple[str, str]]) -> list[Pair]:
        """Return the ids of each (whole, prompt) pair of texts, both as if tokenised alone."""
        if self._markers is None and pairs:
            self._markers = self._found_in([prompt for _, prompt in pairs])
        cuts = [self._cut(whole, prompt) for whole, prompt in pairs]
        rests = [prompt[cut.start :] for (_, prompt), cut in zip(pairs, cuts, strict=True)]
        new = sorted(set(rests) - self._rests.keys())
        ids = self._encode([*(whole for whole, _ in pairs), *new])
        known = self._rests | dict(zip(new, ids[len(pairs) :], strict=True))
        self._rests |= {text: known[text] for text in new if len(text) <= _SHORT}
        return [
            (whole, _begin(whole, prompt, cut) + known[rest])
            for whole, (_, prompt), cut, rest in zip(ids, pairs, cuts, rests, strict=False)
        ]

    def _cut(self, whole: str, prompt: str) -> Cut:
        """Return the last known marker of the prompt, if `whole` has it in the same place."""
        found = [
            Cut(start, marker, token)
            for marker, token in (self._markers or {}).items()
            if (start := prompt.rfind(marker)) > 0
        ]
        last = max(found, default=_NOTHING)
        return last if whole.startswith(prompt[: last.start + len(last.marker)]) else _NOTHING

    def _found_in(self, prompts: Sequence[str]) -> dict[str, int]:
        """Return the markers that these prompts hold."""
        every = {token.content for token in self._added.values()}
        return {
            token.content: number
            for number, token in self._added.items()
            if _stands_alone(token)
            and any(token.content in prompt for prompt in prompts)
            and not any(_clash(token.content, other) for other in every - {token.content})
        }


class Cut(NamedTuple):
    """A special token in a prompt: up to it, prompt and whole record have the same ids."""

    start: int
    """Its first character."""
    marker: str
    token: int


_NOTHING = Cut(0, "", -1)


def _begin(ids: Sequence[int], prompt: str, cut: Cut) -> list[int]:
    """Return the ids of a prompt before its cut, of which `ids` are the beginning."""
    if cut is _NOTHING:
        return []
    place = -1
    for _ in range(prompt.count(cut.marker, 0, cut.start) + 1):
        place = ids.index(cut.token, place + 1)
    return list(ids[:place])


def _stands_alone(token: Any) -> bool:
    """Tell whether a text is cut at this token wherever it stands, and at nothing more."""
    loose = token.normalized or token.lstrip or token.rstrip or token.single_word
    return token.special and not loose


def _clash(marker: str, other: str) -> bool:
    """Tell whether two tokens can lie over one another in a text."""
    return (
        marker in other
        or other in marker
        or any(
            other.endswith(marker[:size]) or marker.endswith(other[:size])
            for size in range(1, min(len(marker), len(other)))
        )
    )
