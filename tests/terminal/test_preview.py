"""A preview as it is drawn, and the command."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from conftest import Ran
from mlxr.prep.preview import Part, Token
from mlxr.terminal.preview import alone, coloured, marked, plain_lines


def tokens(*parts: tuple[Part, str | bytes], special: str = "<s>") -> list[Token]:
    raws = [(part, raw.encode() if isinstance(raw, str) else raw) for part, raw in parts]
    return [Token(i, raw, raw.decode("latin-1") == special, p) for i, (p, raw) in enumerate(raws)]


RECORD = tokens(
    ("masked", "<s>"), ("masked", "Hi"), ("masked", b" \xf0\x9f"), ("masked", b"\x99\x82"),
    ("masked", "\n"), ("trained", "  Yes,\n"), ("trained", "\tno\x1b"), ("trained", "<s>"),
    ("trained", "\n"),
)  # fmt: skip


def test_plain_text_says_what_colours_would() -> None:
    assert list(plain_lines(RECORD)) == [
        " masked │ ⟨<s>⟩Hi 🙂↵",
        "trained │   Yes,↵",
        "trained │ \\tno\\x1b⟨<s>⟩↵",
    ]


def test_the_mask_may_end_within_a_line_and_within_a_character() -> None:
    cut = tokens(("masked", b"a \xc3"), ("trained", b"\xa9 b"), ("cut off", "c"))
    assert list(plain_lines(cut)) == [
        " masked │ a <0xC3>",
        "trained │ <0xA9> b",
        "cut off │ c",
    ]


def test_colours_lose_and_double_nothing() -> None:
    parts = coloured(RECORD)
    assert "".join(text for text, _ in parts) == "<s>Hi 🙂↵\n  Yes,↵\n\\tno\\x1b<s>↵"


def test_each_token_has_another_shade_than_its_neighbour() -> None:
    styles = [style for _, style in coloured(RECORD)]
    assert all(one != other for one, other in pairwise(styles))
    assert styles[0] != styles[-2]  # special: masked, trained


@pytest.mark.parametrize("system", ["standard", "256", "truecolor"])
def test_shades_stay_apart_where_there_are_few_colours(system: str) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system=system, no_color=False)  # type: ignore[arg-type]
    styles = {style for _, style in coloured(RECORD)}
    for style in sorted(styles):
        console.print(Text("x", style=style))
    assert len(set(stream.getvalue().splitlines())) == len(styles) > 4


def test_a_token_alone_shows_half_a_character_as_bytes() -> None:
    assert [alone(token) for token in RECORD[2:4]] == [" <0xF0><0x9F>", "<0x99><0x82>"]
    assert marked("a\u202e\\n\u00e9") == "a\\u202e\\né"


def test_the_command_shows_rows_and_writes_nothing(
    mlxr: Callable[..., Ran], write_recipe: Callable[..., Path], tmp_path: Path
) -> None:
    recipe = write_recipe()
    before = sorted(tmp_path.rglob("*"))
    ran = mlxr("preview", recipe, "-n", "2")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "masked: only read · trained: learnt · ⟨…⟩ special token · ↵ line break",
        "",
        "rows.jsonl:1 · 12 tokens, 3 trained",
        " masked │ ⟨<|user|>⟩Repeat: 0 0⟨<|end|>⟩⟨<|assistant|>⟩",
        "trained │ 0 0⟨<|end|>⟩",
        "",
        "rows.jsonl:2 · 12 tokens, 3 trained",
        " masked │ ⟨<|user|>⟩Repeat: 7 1⟨<|end|>⟩⟨<|assistant|>⟩",
        "trained │ 7 1⟨<|end|>⟩",
    ]
    assert f"mlxr prep {recipe}" in ran.err
    assert sorted(tmp_path.rglob("*")) == before


def test_one_token_a_line(mlxr: Callable[..., Ran], write_recipe: Callable[..., Path]) -> None:
    lines = mlxr("preview", write_recipe(), "--row", "rows.jsonl:5", "--tokens").out.splitlines()
    assert lines[2].startswith("rows.jsonl:5 · ")
    assert lines[3].split() == ["0", "1", "masked", "⟨<|user|>⟩"]
    assert lines[-1].split()[2:] == ["trained", "⟨<|end|>⟩"]


def test_json_is_one_document(mlxr: Callable[..., Ran], write_recipe: Callable[..., Path]) -> None:
    ran = mlxr("preview", write_recipe(), "-n", "1", "--json")
    assert ran.err == ""
    document = json.loads(ran.out)
    [row] = document["rows"]
    assert {**row, "tokens": row["tokens"][-1:]} == {
        "place": "rows.jsonl:1",
        "turn": None,
        "findings": [],
        "offset": 9,
        "trained": 3,
        "tokens": [{"id": 0, "text": "<|end|>", "special": True, "part": "trained"}],
    }
    assert document["unusable"] == []


def test_bad_rows_fail(mlxr: Callable[..., Ran], write_recipe: Callable[..., Path]) -> None:
    ran = mlxr("preview", write_recipe([{"question": "a"}, {"question": "b"}]))
    assert ran.code == 1
    assert ran.out == ""
    assert "rows.jsonl:2: template-failed: " in ran.err
    assert "→ Correct the template" in ran.err
