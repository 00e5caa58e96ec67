"""Tokens one by one, as a reader can take them in: what each id stands for in the text.

A vocabulary spells its tokens in one of two ways. In SentencePiece's a space is ▁ and a lone byte
is <0xE2>; in a byte-level one (GPT-2's) each character stands for a byte. Either way a token is
bytes, perhaps only some of a character's; joined, they are the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_PLAIN = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PLAIN]
_BYTES = {chr(byte): byte for byte in _PLAIN} | {chr(256 + i): b for i, b in enumerate(_OTHERS)}
"""GPT-2's alphabet: visible Latin-1 is itself, the other bytes are numbered from U+0100 on."""


@dataclass(frozen=True)
class Piece:
    """A token and its part of the text."""

    id: int
    raw: bytes
    """UTF-8; a character may be cut between tokens."""
    special: bool
    """A mark of the model's own, not a part of what somebody wrote."""


class Pieces:
    """Reads the tokens of one tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def of(self, ids: Sequence[int]) -> list[Piece]:
        """Return each token with the bytes that it stands for."""
        spelt = self._tokenizer.convert_ids_to_tokens(list(ids))
        return [
            Piece(token, self._raw(token, name), token in self._special)
            for token, name in zip(ids, spelt, strict=True)
        ]

    @cached_property
    def _added(self) -> dict[int, Any]:
        """Tokens beside the vocabulary proper, which are spelt as they are."""
        return dict(self._tokenizer.added_tokens_decoder)

    @cached_property
    def _special(self) -> frozenset[int]:
        flagged = [token for token, added in self._added.items() if added.special]
        return frozenset([*flagged, *self._tokenizer.all_special_ids])

    @cached_property
    def _is_sentencepiece(self) -> bool:
        return "▁" in self._tokenizer.get_vocab()  # a byte-level one spells it in three bytes

    def _raw(self, token: int, name: str | bytes) -> bytes:
        if isinstance(name, bytes):  # some tokenizers that are Python code
            return name
        if token in self._special:
            return name.encode()
        if self._is_sentencepiece:
            byte = re.fullmatch(r"<0x([0-9A-F]{2})>", name)
            return bytes.fromhex(byte[1]) if byte else name.replace("▁", " ").encode()
        if token in self._added or not all(c in _BYTES for c in name):
            return name.encode()
        return bytes(_BYTES[c] for c in name)
