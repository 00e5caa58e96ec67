from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxr.prep.boundary import Boundary

tokenizers: Any = importlib.import_module("tokenizers")

MARKERS = ["<s>", "</s>", "[INST]", "[/INST]", "<|im_start|>", "<|im_end|>"]
CLASHING = ["<a>", "<a><b>", "<b>x", "x<c>"]
"""Tokens that can lie inside or across one another."""


def _byte_level() -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return made, tokenizers.pre_tokenizers.ByteLevel.alphabet()


def _metaspace() -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.BPE(byte_fallback=True, unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first")
    return made, []


def _prepending() -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    normalizers = tokenizers.normalizers
    made.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁"), normalizers.NFKC()]
    )
    return made, []


KINDS: dict[str, Callable[[], Any]] = {
    "byte level": _byte_level,
    "metaspace": _metaspace,
    "prepended": _prepending,
}


def backend(kind: str, markers: Sequence[str] = MARKERS) -> Any:
    made, alphabet = KINDS[kind]()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<unk>", *markers],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    made.train_from_iterator(["user says a b c x aa ab", "the answer is a\n[INST b"] * 9, trainer)
    return made


def encoder(made: Any) -> Callable[[Sequence[str]], list[list[int]]]:
    def encode(texts: Sequence[str]) -> list[list[int]]:
        return [each.ids for each in made.encode_batch(list(texts), add_special_tokens=False)]

    return encode


BACKENDS = {kind: backend(kind) for kind in KINDS}
PIECES = st.lists(
    st.sampled_from([*MARKERS, "[INST", "<|im_", " ", "\n", "a", "ab", "▁", "é", "x a"]), max_size=9
).map("".join)


@pytest.mark.parametrize("kind", KINDS)
@given(rows=st.lists(st.tuples(PIECES, PIECES, PIECES), min_size=1, max_size=5))
def test_prompts_get_the_ids_that_they_have_alone(
    kind: str, rows: list[tuple[str, str, str]]
) -> None:
    encode = encoder(BACKENDS[kind])
    boundary = Boundary(BACKENDS[kind], encode)
    # A prompt is mostly, not always, the beginning of the whole.
    pairs = [(begin + end, begin if begin.count("a") % 3 else begin + x) for begin, end, x in rows]
    for _ in range(2):  # the second time, rests are known
        expected = [(encode([whole])[0], encode([prompt])[0]) for whole, prompt in pairs]
        assert boundary.split(pairs) == expected


@pytest.mark.parametrize("kind", KINDS)
@given(rows=st.lists(st.tuples(PIECES, PIECES), min_size=1, max_size=3), more=st.data())
def test_markers_that_lie_across_others_are_not_trusted(
    kind: str, rows: list[tuple[str, str]], more: st.DataObject
) -> None:
    pieces = st.lists(st.sampled_from(["<a>", "<b>", "x", "<c>", "<", "a"]), max_size=6)
    made = CLASHED[kind]
    encode = encoder(made)
    pairs = []
    for _ in rows:
        begin = "".join(more.draw(pieces))
        pairs.append((begin + "".join(more.draw(pieces)), begin))
    expected = [(encode([whole])[0], encode([prompt])[0]) for whole, prompt in pairs]
    assert Boundary(made, encode).split(pairs) == expected


CLASHED = {kind: backend(kind, CLASHING) for kind in KINDS}


def test_a_long_prompt_is_tokenised_once() -> None:
    asked: list[str] = []
    encode = encoder(BACKENDS["byte level"])

    def counting(texts: Sequence[str]) -> list[list[int]]:
        asked.extend(texts)
        return encode(texts)

    prompts = [f"<s>[INST]{'a b ' * 200}{i}[/INST]" for i in range(20)]
    Boundary(BACKENDS["byte level"], counting).split([(p + " yes</s>", p) for p in prompts])
    assert len(asked) == 21
    assert asked[-1] == "[/INST]"
