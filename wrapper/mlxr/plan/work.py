"""The arithmetic of a batch: floating-point operations, and seconds where products were timed.

A product of one token with a weight matrix takes two operations for each weight: 2·N forward,
2·N more for the gradient of its input, 2·N for that of the weights where they are trained. A
frozen weight needs none of the last, and what lies before the first trained block only the first.
Attention adds 4·width·hidden operations for each token of a block, and twice that backward.
"""

from __future__ import annotations

from mlxr.plan.anatomy import Anatomy, Product
from mlxr.plan.workload import Batch
from mlxr.recipe import Train


def flops(anatomy: Anatomy, train: Train, batch: Batch) -> float:
    """Return the floating-point operations of one iteration on `batch`."""
    products = sum(
        2 * each.weights * _times(each, train) * _places(each, train, batch)
        for each in anatomy.products
    )
    passes = anatomy.blocks + anatomy.trained_blocks * (3 if train.grad_checkpoint else 2)
    return products + 4 * batch.inputs * (batch.width - 1) * anatomy.hidden * passes


def forward_flops(anatomy: Anatomy, train: Train, batch: Batch) -> float:
    """Return the floating-point operations of validating on `batch`."""
    products = sum(2 * each.weights * _places(each, train, batch) for each in anatomy.products)
    return products + 4 * batch.inputs * (batch.width - 1) * anatomy.hidden * anatomy.blocks


def seconds(anatomy: Anatomy, train: Train, batch: Batch, *, training: bool = True) -> float:
    """Return the time that the products of one iteration take, from those timed alone."""
    return sum(
        each.count * _places(each, train, batch) * _each(each, train, training=training)
        for each in anatomy.products
    )


def _each(product: Product, train: Train, *, training: bool) -> float:
    forward, backward = product.forward or 0.0, product.backward or 0.0
    if not training or not product.trained:
        return forward
    again = forward if train.grad_checkpoint and not product.head else 0.0
    weights = backward if product.adapted and train.fine_tune_type == "full" else 0.0
    return forward + again + backward + weights


def _times(product: Product, train: Train) -> int:
    """Return how often a weight is multiplied with in an iteration."""
    again = train.grad_checkpoint and not product.head
    weights = product.adapted and train.fine_tune_type == "full"
    return 2 + again + weights if product.trained else 1


def _places(product: Product, train: Train, batch: Batch) -> int:
    return batch.logits if product.head and train.mask_prompt else batch.inputs
