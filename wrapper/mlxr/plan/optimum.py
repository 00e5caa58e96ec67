"""The compute-optimal view: what a run spends, beside what training its model anew would take.

Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models" (arXiv:2203.15556): a
model of N parameters trained on D tokens costs C ≈ 6·N·D floating-point operations, 2·N·D
forward and 4·N·D backward. For a given C their Approaches 1 and 2 find that N and D should
both grow nearly as √C, with about 20 tokens for each parameter: 8.0·10⁹ tokens and 1.92·10¹⁹
operations for 400 million parameters (their table 3). Approach 3, a fitted formula of the
loss, is not used: its fit could not be reproduced (Besiroglu et al. 2024, arXiv:2404.10102).
N counts all parameters, embeddings included, as theirs does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlxr.plan.anatomy import Anatomy
from mlxr.plan.work import flops
from mlxr.plan.workload import Workload

EACH = 20
"""Compute-optimal tokens for each parameter, by Approaches 1 and 2."""
SAYS = (
    "As it is, counted product by product, C leaves out the gradients of frozen weights (about"
    " 4·N·D remains where all blocks are adapted) and includes padding, attention and what"
    " grad_checkpoint computes again.\n"
    "What this says: training a model of this size from nothing is best spent on about 20 tokens"
    " a parameter. What it does not say: how many rows fine-tuning needs. The base model has had"
    " its training; the law is about the loss of new models that see each token once, not about"
    " adapters, repeated epochs or one narrow task. Few tokens here are no fault and more are no"
    " promise: the validation loss and `mlxr compare` tell whether more rows help."
)


@dataclass(frozen=True)
class Optimum:
    """This run's tokens and operations, and those of compute-optimal training of its model."""

    parameters: int
    """N."""
    tokens: int
    """D: tokens that pass through the model in this run, prompts included, padding not."""
    rule: float
    """6·N·D of this run: its cost if every weight were trained."""
    spent: float
    """Operations of this run as counted: frozen weights have no gradient, padding is computed."""
    optimal_tokens: int
    """20·N."""
    optimal: float
    """6·N·20·N: the operations of training this model from nothing."""
    equal_parameters: float
    """The model for which `spent` would be compute-optimal: √(C / 120) parameters."""


def optimum(anatomy: Anatomy, load: Workload) -> Optimum:
    """Return the compute-optimal view of a run."""
    count = anatomy.parameters
    spent = sum(flops(anatomy, load.train, batch) * n for batch, n in load.counted.items())
    return Optimum(
        parameters=count,
        tokens=load.tokens,
        rule=6.0 * count * load.tokens,
        spent=spent,
        optimal_tokens=EACH * count,
        optimal=6.0 * count * EACH * count,
        equal_parameters=math.sqrt(spent / (6 * EACH)),
    )
