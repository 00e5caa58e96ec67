"""The test rows that an export is proved on, in tokens."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import read_jsonl
from mlxr.prep.conversation import PlainText
from mlxr.prep.tokens import Refused, Tokenizer
from mlxr.recipe import Recipe
from mlxr.workspace import Prepared


@dataclass(frozen=True)
class Prompt:
    """A test row: its name, its tokens, and where the answer begins."""

    id: str
    ids: list[int]
    offset: int


def draw_prompts(
    prepared: Prepared, recipe: Recipe, tokenizer: Tokenizer, count: int
) -> list[Prompt]:
    """Return at most `count` rows of the test split, drawn with the recipe's seed, in its order.

    A plain text, which has no prompt, is asked to be continued from its middle. Raises MlxrError
    where there is no test split.
    """
    path = prepared.split("test")
    rows = list(read_jsonl(path)) if path.is_file() else []
    if not rows:
        raise MlxrError(
            f"The fused model is proved on test prompts, and {path} has none.",
            "mlxr prep RECIPE, or export the plain adapter: --as adapter",
        )
    drawn = random.Random(recipe.seed).sample(range(len(rows)), min(count, len(rows)))
    return [_prompt(rows[i], tokenizer) for i in sorted(drawn)]


def _prompt(row: Mapping[str, Any], tokenizer: Tokenizer) -> Prompt:
    name = str(row["mlxr"]["id"])
    if "text" in row:
        [text] = tokenizer.encode_all([PlainText(row["text"])])
        ids = [] if isinstance(text, Refused) else text.ids
        return Prompt(name, ids, max(1, len(ids) // 2))
    tokens = tokenizer.encode(row["messages"], row.get("tools"))
    return Prompt(name, tokens.ids, tokens.offset)
