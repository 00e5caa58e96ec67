"""The bytes of single tokens, in both kinds of vocabulary."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlxr.prep.pieces import Pieces
from prep.samples import write_model

TEXT = "Un café à Zürich 🙂\n\n  東京 \t<0xE2> Ġ ▁ end"


def byte_level(folder: Path) -> Pieces:
    from transformers import AutoTokenizer

    return Pieces(AutoTokenizer.from_pretrained(write_model(folder / "model")))


def sentencepiece() -> Pieces:
    """Return a vocabulary of a few letters, ▁ for a space, and a byte each for all else."""
    import tokenizers
    from tokenizers import AddedToken, models, normalizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "é", "Ġ", *"Ucafndr"]
    vocabulary = {word: i for i, word in enumerate([*words, "▁c", "af"])}
    merges = [("▁", "c"), ("a", "f")]
    bpe = tokenizers.Tokenizer(
        models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True)
    )
    bpe.normalizer = normalizers.Replace(" ", "▁")
    fast = PreTrainedTokenizerFast(tokenizer_object=bpe, unk_token="<unk>")
    fast.add_tokens([AddedToken("<｜end▁of▁turn｜>", special=True, normalized=False)])
    return Pieces(fast)


def encode(pieces: Pieces, text: str) -> list[int]:
    ids: list[int] = pieces._tokenizer.encode(text, add_special_tokens=False)
    return ids


def test_byte_level_tokens_join_to_the_whole_text(tmp_path: Path) -> None:
    pieces = byte_level(tmp_path)
    ids = encode(pieces, TEXT)
    read = pieces.of(ids)
    assert [piece.id for piece in read] == ids
    assert b"".join(piece.raw for piece in read).decode() == TEXT
    assert not any(piece.special for piece in read)
    assert {b"\xc3", b"\xa9"} <= {piece.raw for piece in read}  # é in halves


def test_every_byte_is_known(tmp_path: Path) -> None:
    pieces = byte_level(tmp_path)
    text = "".join(map(chr, [*range(0x20, 0x250), 0x1F642, 0xFFFD, 0x10FFFD]))
    assert b"".join(piece.raw for piece in pieces.of(encode(pieces, text))).decode() == text


def test_special_tokens_are_told_apart_and_kept_as_they_are(tmp_path: Path) -> None:
    pieces = byte_level(tmp_path)
    read = pieces.of(encode(pieces, "a<|im_end|>b"))
    assert [(piece.raw, piece.special) for piece in read] == [
        (b"a", False),
        (b"<|im_end|>", True),
        (b"b", False),
    ]


def test_sentencepiece_tokens_join_to_the_whole_text() -> None:
    pieces = sentencepiece()
    read = pieces.of(encode(pieces, "Un café 🙂 Ġ\n"))
    assert [piece.raw for piece in read[:5]] == [b"U", b"n", b" c", b"af", "é".encode()]
    assert b"\xf0" in [piece.raw for piece in read]
    assert b"".join(piece.raw for piece in read).decode() == "Un café 🙂 Ġ\n"


def test_a_special_token_keeps_its_own_underscores() -> None:
    pieces = sentencepiece()
    [end] = pieces.of(encode(pieces, "<｜end▁of▁turn｜>"))
    assert (end.raw.decode(), end.special) == ("<｜end▁of▁turn｜>", True)


@pytest.mark.parametrize("chunk", [b"\xe6\x9d", "東".encode()])
def test_tokens_of_python_tokenizers_may_be_bytes(chunk: bytes) -> None:
    class Python:
        added_tokens_decoder: dict[int, object] = {}  # noqa: RUF012
        all_special_ids: list[int] = []  # noqa: RUF012

        def convert_ids_to_tokens(self, ids: list[int]) -> list[bytes]:
            return [chunk for _ in ids]

    assert [piece.raw for piece in Pieces(Python()).of([5])] == [chunk]
