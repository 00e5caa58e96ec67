"""How much memory a training needs, from the model's anatomy and its heaviest batch.

What MLX keeps at the height of an iteration, the beginning of the backward pass:

- the model's weights as they are stored, and the trained ones besides;
- for each trained number its gradient and what the optimizer keeps of it;
- of each block that the backward pass goes through what its gradients are made of: inputs and
  outputs of its products, the scores of attention, and of each adapted product its input in
  the adapter's 32 bits and the few numbers between the adapter's two factors;
- with `grad_checkpoint` only what enters each block, and of one block all that, twice: computed
  anew, and with the gradients of it;
- the logits of a batch, their probabilities and gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlxr.plan.anatomy import Anatomy, Product
from mlxr.plan.workload import Batch
from mlxr.recipe import Train

MOMENTS = {"adam": 2, "adamw": 2, "muon": 1, "sgd": 1, "adafactor": 1}
"""Numbers that an optimizer keeps for each trained one, at most."""
LOGITS = 4
"""Arrays of the logits' size at once: they, their exponentials, and the gradients of both."""


@dataclass(frozen=True)
class Memory:
    """Bytes at the height of training, by what they are for."""

    weights: int
    """The model's own, as they are stored."""
    trained: int
    """Trained weights, their gradients and the optimizer's state."""
    activations: int
    logits: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.weights + self.trained + self.activations + self.logits


def estimate(anatomy: Anatomy, train: Train, batch: Batch) -> Memory:
    """Return what an iteration on `batch` needs."""
    return Memory(
        weights=anatomy.frozen_bytes,
        trained=_trained(anatomy, train),
        activations=_activations(anatomy, train, batch),
        logits=_logits(anatomy, train, batch),
    )


def _trained(anatomy: Anatomy, train: Train) -> int:
    gradients = 2 if train.grad_accumulation_steps > 1 else 1
    return anatomy.trained_bytes * (1 + gradients + MOMENTS[train.optimizer])


def _activations(anatomy: Anatomy, train: Train, batch: Batch) -> int:
    block = _block(anatomy, train, batch)
    if not train.grad_checkpoint:
        return anatomy.trained_blocks * block
    entering = batch.inputs * anatomy.hidden * anatomy.width
    return anatomy.trained_blocks * entering + 2 * block


def _block(anatomy: Anatomy, train: Train, batch: Batch) -> int:
    """Return the bytes that the backward pass needs of one block."""
    inside = [each for each in anatomy.products if each.trained and not each.head]
    each_token = sum(each.count * _kept(each, train) for each in inside) / anatomy.trained_blocks
    scores = 2 * anatomy.heads * (batch.width - 1) * anatomy.width
    return round(batch.inputs * (each_token + scores))


def _kept(product: Product, train: Train) -> int:
    """Return the bytes kept of one product for each token."""
    width = 4 if product.dtype == "float32" else 2
    kept = width * (product.inputs + product.outputs)
    if product.adapted and train.fine_tune_type != "full":
        kept += 4 * train.lora_parameters.rank
        kept += 4 * product.inputs if width < 4 else 0
    return kept * product.used


def _logits(anatomy: Anatomy, train: Train, batch: Batch) -> int:
    words = sum(each.outputs for each in anatomy.products if each.head)
    places = batch.logits if train.mask_prompt else batch.inputs
    return LOGITS * anatomy.width * words * places
