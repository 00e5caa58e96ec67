"""Draws records token by token: in colour where there is any, else as text that says the same."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mlxr.terminal.console import Terminal

if TYPE_CHECKING:
    from mlxr.prep.preview import Preview, Shown, Token

_SHADES = {
    "masked": ("grey78 on grey15", "grey78 on grey30"),
    "trained": ("bold grey7 on color(77)", "bold grey7 on color(35)"),
    "cut off": ("strike grey78 on dark_red", "strike grey78 on red3"),
}
"""Foreground and background, so that a light terminal shows them as a dark one does; greens and
greys that one of 16 colours tells apart too."""
_SPECIAL = {
    "masked": "grey11 on grey66",
    "trained": "bold grey100 on dark_green",
    "cut off": "strike grey100 on deep_pink4",
}


def show_preview(
    terminal: Terminal, preview: Preview, recipe: str, *, one_a_line: bool = False
) -> None:
    """Show each record with what is trained and what is special, then rows that cannot be used."""
    parts = {token.part for shown in preview.shown for token in shown.tokens}
    terminal.styled(_legend(terminal, parts, one_a_line))
    for shown in preview.shown:
        terminal.result()
        terminal.result(_heading(shown), "bold")
        (_list if one_a_line else _text)(terminal, shown.tokens)
    for bad in preview.unusable:
        terminal.result(f"\n✗ {', '.join(bad.places)} · {bad.code}: {bad.reason}")
    terminal.next_steps([(f"mlxr prep {recipe}", "prepare and audit all rows")])
    terminal.document(_document(preview))


def _legend(terminal: Terminal, parts: Collection[str], one_a_line: bool) -> list[tuple[str, str]]:
    signs = "↵ line break" + (" · <0xE2> a byte of a cut character" if one_a_line else "")
    if not terminal.colour:
        return [(f"masked: only read · trained: learnt · ⟨…⟩ special token · {signs}", "")]
    samples = [
        sample
        for part in _SHADES
        if part in parts
        for sample in ((f" {part} ", _SHADES[part][0]), (" special ", _SPECIAL[part]), ("  ", ""))
    ]
    return [*samples, (f"a new shade is a new token · {signs}", "dim")]


def _heading(shown: Shown) -> str:
    turn = [] if shown.turn is None else [f"turn {shown.turn}"]
    size = f"{len(shown.tokens):,} tokens, {shown.trained:,} trained"
    return " · ".join([shown.place, *turn, size, *shown.findings])


def _text(terminal: Terminal, tokens: Sequence[Token]) -> None:
    if terminal.colour:
        terminal.styled(coloured(tokens))
        return
    for line in plain_lines(tokens):
        terminal.result(line)


def _list(terminal: Terminal, tokens: Sequence[Token]) -> None:
    for i, token in enumerate(tokens):
        text = marked(alone(token)).replace("↵\n", "↵")
        text = f"⟨{text}⟩" if token.special and not terminal.colour else text
        row = f"{i:>6} {token.id:>7}  {token.part:<7}  "
        terminal.styled([(row, ""), (text, _style(token, i))])


def coloured(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Return the text in parts with their styles: of tokens side by side, two shades in turn."""
    texts = [(token, text) for token, text in _characters(tokens) if text]
    parts = [(marked(text), _style(token, i)) for i, (token, text) in enumerate(texts)]
    return [*parts[:-1], *((text.removesuffix("\n"), style) for text, style in parts[-1:])]


def plain_lines(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the text line by line, each line led by what training does with it."""
    for part, group in groupby(_characters(tokens), key=lambda each: each[0].part):
        text = "".join(f"⟨{text}⟩" if token.special else marked(text) for token, text in group)
        for line in text.removesuffix("\n").split("\n"):
            yield f"{part:>7} │ {line}"


def _style(token: Token, place: int) -> str:
    return _SPECIAL[token.part] if token.special else _SHADES[token.part][place % 2]


def _characters(tokens: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    """Yield each token with the characters that it completes, so that none is shown in halves."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        ends = token.special or after is None or after.special or after.part != token.part
        yield token, _legible(decoder.decode(token.raw, final=ends))


def alone(token: Token) -> str:
    """Return a token's text by itself, the bytes of a cut character as <0xE2>."""
    return _legible(token.raw.decode("utf-8", "surrogateescape"))


def _legible(text: str) -> str:
    return re.sub("[\udc80-\udcff]", lambda found: f"<0x{ord(found[0]) - 0xDC00:02X}>", text)


def marked(text: str) -> str:
    """Return text with its line breaks marked, and the unprintable as escapes."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(c: str) -> str:
    return "↵\n" if c == "\n" else c.encode("unicode_escape").decode()


def _document(preview: Preview) -> dict[str, Any]:
    return {
        "rows": [_record(shown) for shown in preview.shown],
        "unusable": [asdict(bad) for bad in preview.unusable],
    }


def _record(shown: Shown) -> dict[str, Any]:
    return {
        "place": shown.place,
        "turn": shown.turn,
        "findings": shown.findings,
        "offset": shown.offset,
        "trained": shown.trained,
        "tokens": [
            {"id": token.id, "text": alone(token), "special": token.special, "part": token.part}
            for token in shown.tokens
        ],
    }
