"""Base and tuned in one process: one model in memory, its adapter put on and taken off."""

from __future__ import annotations

from typing import Any

from mlxr.loaded import load_model


class Arms:
    """A model that is its own base when it is wanted.

    An adapter of low rank (LoRA, DoRA) replaces modules that keep the base's inside them; a full
    fine-tuning replaces arrays. Either is remembered on both sides and put back by reference, so
    that each arm is exactly what mlx_lm loads, at the memory of what differs.
    """

    def __init__(self, model: str, adapter: str, trust_remote_code: bool) -> None:
        from mlx.utils import tree_flatten
        from mlx_lm.tuner.utils import load_adapters

        self._model, self.tokenizer = load_model(model, trust_remote_code=trust_remote_code)
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
        self._arm = "tuned"

    def use(self, arm: str) -> Any:
        """Return the model as the arm "base" or "tuned" of it."""
        from mlx.utils import tree_unflatten

        if arm != self._arm:
            if self._modules[arm]:
                self._model.update_modules(tree_unflatten(self._modules[arm]))
            if self._arrays[arm]:
                self._model.update(tree_unflatten(self._arrays[arm]))
            self._arm = arm
        return self._model
