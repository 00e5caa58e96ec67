"""Models in memory, as mlx_lm loads them; base and tuned in one. Loaded in children only."""

from __future__ import annotations

from typing import Any, Literal

ArmName = Literal["base", "tuned"]
ARMS: tuple[ArmName, ArmName] = ("base", "tuned")


def load_model(
    model: str, adapter: str | None = None, *, trust_remote_code: bool, lazy: bool = False
) -> tuple[Any, Any]:
    """Return a model, with an adapter on it if one is named, and its tokenizer.

    A `lazy` one reads each array when it is first used. mlx_lm.load does not hand its flag on to
    the tokenizer, which asks for it on its own.
    """
    from mlx_lm import load

    loaded: tuple[Any, Any] = load(
        model,
        adapter_path=adapter,
        tokenizer_config={"trust_remote_code": trust_remote_code},
        lazy=lazy,
        trust_remote_code=trust_remote_code,
    )
    return loaded


class Arms:
    """Base and tuned in one process: one model, its adapter put on and taken off.

    An adapter of low rank (LoRA, DoRA) replaces modules that keep the base's inside them; a full
    fine-tuning replaces arrays. Either is remembered on both sides and put back by reference, so
    that each arm is exactly what mlx_lm loads, at the memory of what differs; and what only the
    other arm has is not read from disk before that is used.
    """

    def __init__(self, model: str, adapter: str, *, trust_remote_code: bool) -> None:
        from mlx.utils import tree_flatten
        from mlx_lm.tuner.utils import load_adapters

        loaded = load_model(model, trust_remote_code=trust_remote_code, lazy=True)
        self._model, self.tokenizer = loaded
        modules = dict(self._model.named_modules())
        arrays = dict(tree_flatten(self._model.parameters()))
        load_adapters(self._model, adapter)
        self._model.eval()
        tuned = dict(self._model.named_modules())
        names = [name for name, module in modules.items() if tuned[name] is not module]
        self._modules = {
            "base": [(name, modules[name]) for name in names],
            "tuned": [(name, tuned[name]) for name in names],
        }
        now = dict(tree_flatten(self._model.parameters()))
        changed = [name for name in arrays if name in now and now[name] is not arrays[name]]
        self._arrays = {
            "base": [(name, arrays[name]) for name in changed],
            "tuned": [(name, now[name]) for name in changed],
        }
        self._arm: ArmName = "tuned"

    def use(self, arm: ArmName) -> Any:
        """Return the model as the arm "base" or "tuned" of it, in memory."""
        import mlx.core as mx
        from mlx.utils import tree_unflatten

        if arm != self._arm:
            if self._modules[arm]:
                self._model.update_modules(tree_unflatten(self._modules[arm]))
            if self._arrays[arm]:
                self._model.update(tree_unflatten(self._arrays[arm]))
            self._arm = arm
        mx.eval(self._model.parameters())
        return self._model
