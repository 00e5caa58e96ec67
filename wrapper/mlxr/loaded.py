"""A model in memory, as mlx_lm loads it. In children only."""

from __future__ import annotations

from typing import Any


def load_model(
    model: str, adapter: str | None = None, *, trust_remote_code: bool
) -> tuple[Any, Any]:
    """Return a model, with an adapter on it if one is named, and its tokenizer.

    mlx_lm.load does not hand its flag on to the tokenizer, which asks for it on its own.
    """
    from mlx_lm import load

    loaded: tuple[Any, Any] = load(
        model,
        adapter_path=adapter,
        tokenizer_config={"trust_remote_code": trust_remote_code},
        trust_remote_code=trust_remote_code,
    )
    return loaded
