"""Every key of [train], changed once, is seen to arrive in what mlx_lm receives.

mlx_lm's own main() runs, up to the call of its train(): what stands there in its place looks at
the model, the datasets, the optimizer and the arguments that it is given.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from conftest import TEMPLATE, questions
from mlxr.events import Pipe, Silent
from mlxr.prep.stage import prepare
from mlxr.recipe import Loaded, Recipe, Train
from mlxr.train import checks, stage
from mlxr.workspace import Workspace
from train.runs import float_model


@dataclass(frozen=True)
class Case:
    """A key's other value, and what mlx_lm then receives under a name of `received`."""

    value: Any
    fact: str
    expected: Any
    context: dict[str, Any] = field(default_factory=dict)
    """Keys that stand beside it, before and after."""


CASES = {
    "fine_tune_type": Case("dora", "leaves", {"lora_a", "lora_b", "m"}),
    "epochs": Case(2, "iters", 22, {"iters": None}),
    "iters": Case(5, "iters", 5),
    "batch_size": Case(3, "rows of a batch", 3),
    "grad_accumulation_steps": Case(4, "grad_accumulation_steps", 4),
    "seed": Case(7, "seed", 7),
    "resume_adapter_file": Case("given.safetensors", "first weight", 7.0),
    "num_layers": Case(2, "layers", {0, 1}),
    "learning_rate": Case(5e-4, "rates", [5e-4] * 8),
    "lr_schedule.name": Case("linear", "last rate", 1e-3 / 8),
    "lr_schedule.warmup": Case(4, "rates", [0, 2.5e-4, 5e-4, 7.5e-4, *[1e-3] * 4]),
    "lr_schedule.warmup_init": Case(1e-4, "first rate", 1e-4, {"lr_schedule.warmup": 4}),
    "lr_schedule.end": Case(9e-4, "last rate", 9e-4 + 1e-4 / 8, {"lr_schedule.name": "linear"}),
    "optimizer": Case("sgd", "optimizer", "SGD"),
    "optimizer_config": Case({"eps": 0.5}, "eps", 0.5),
    "max_grad_norm": Case(0.5, "step", 0.5, {"optimizer": "sgd"}),
    "lora_parameters.rank": Case(4, "rank", 4),
    "lora_parameters.scale": Case(3.0, "scale", 3.0),
    "lora_parameters.alpha": Case(4.0, "scale", 0.5),
    "lora_parameters.dropout": Case(0.25, "dropout", 0.25),
    "lora_parameters.keys": Case(["mlp.up_proj"], "modules", {"up_proj"}),
    "mask_prompt": Case(False, "offset", 0),
    "answer_start_weight": Case(3.0, "loss weights", [3.0, 2.75, 2.5]),
    "answer_start_window": Case(2, "loss weights", [3.0, 2.0, 1.0], {"answer_start_weight": 3.0}),
    "max_seq_length": Case(40, "max_seq_length", 40),
    "too_long": Case("truncate", "long rows", True, {"max_seq_length": 60}),
    "grad_checkpoint": Case(True, "grad_checkpoint", True),
    "clear_cache_threshold": Case(10**6, "clear_cache_threshold", 10**6),
    "val_batches": Case(1, "val_batches", 1),
    "steps_per_report": Case(3, "steps_per_report", 3),
    "steps_per_eval": Case(4, "steps_per_eval", 4),
    "save_every": Case(5, "save_every", 5),
    "keep_checkpoints": Case(7, "keep", 7),
    "early_stopping_patience": Case(2, "patience", 2),
    "min_delta": Case(0.1, "min_delta", 0.1, {"early_stopping_patience": 2}),
    "report_to": Case("wandb", "service", "wandb"),
    "project_name": Case("mine", "project", "mine", {"report_to": "wandb"}),
}


def leaves(table: type[BaseModel], prefix: str = "") -> set[str]:
    """Return the dotted keys of a recipe table."""
    found = set()
    for name, info in table.model_fields.items():
        inner = info.annotation
        is_table = isinstance(inner, type) and issubclass(inner, BaseModel)
        found |= leaves(inner, f"{prefix}{name}.") if is_table else {f"{prefix}{name}"}  # type: ignore[arg-type]
    return found


def test_every_key_has_a_case() -> None:
    assert set(CASES) == leaves(Train)


@pytest.mark.parametrize("key", CASES)
def test_a_key_arrives(key: str, receive: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    case = CASES[key]
    before = receive(case.context)[case.fact]
    after = receive(case.context | {key: case.value})[case.fact]
    assert before != after, f"{key} changed nothing"
    if isinstance(case.expected, float | list):
        assert after == pytest.approx(case.expected, rel=1e-3)
    else:
        assert after == case.expected


class Service:
    """Stands for wandb."""

    def __init__(self, project_name: str, **_: object) -> None:
        self.project = project_name

    def on_val_loss_report(self, info: dict[str, Any]) -> None:
        """Take the first validation."""


class Alone:
    rank, size, leads = 0, 1, True

    def any(self, flag: bool) -> bool:
        return flag


class NoInterrupt:
    requested = training = False


@pytest.fixture
def receive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function from keys of [train] to what mlx_lm receives."""
    from mlx_lm import lora
    from mlx_lm.tuner import callbacks

    from mlxr.train.child import supervised

    monkeypatch.setitem(callbacks.SUPPORT_CALLBACK, "wandb", Service)
    monkeypatch.setattr(checks, "find_spec", lambda name: True)
    model = float_model(tmp_path / "model")
    _files(tmp_path)

    def receive(keys: dict[str, Any]) -> dict[str, Any]:
        recipe, workspace = _recipe(tmp_path, model, keys), Workspace.here()
        prepare(recipe, workspace, Silent())
        plan = stage.plan(Loaded(recipe, tmp_path / "r.toml", {}), workspace)
        run = workspace.new_run("r")
        run.config.write_text(json.dumps({**plan.config, "adapter_path": str(run.folder)}))
        told, facts = stage.settings(run, recipe), {}

        def spy(**given: Any) -> None:
            facts.update(_facts(**given))

        with (tmp_path / "pipe").open("wb") as stream, monkeypatch.context() as patch:
            pipe = Pipe(stream.fileno())
            seam = supervised(spy, told, pipe, NoInterrupt(), Alone())  # type: ignore[arg-type]
            patch.setattr(lora, "train", seam)
            patch.setattr(sys, "argv", ["mlx_lm.lora", *told.arguments])
            lora.main()
        return facts

    return receive


def _files(folder: Path) -> None:
    """Write rows of which each third is too long for `max_seq_length = 60`, and an adapter."""
    import mlx.core as mx

    rows = questions(30)
    for row in rows[::3]:
        row["question"] += " and again" * 40
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "t.jinja").write_text(TEMPLATE)
    name = "model.layers.1.mlp.down_proj.lora_a"
    mx.save_safetensors(str(folder / "given.safetensors"), {name: mx.full((64, 8), 7.0)})


def _recipe(folder: Path, model: Path, keys: dict[str, Any]) -> Recipe:
    train: dict[str, Any] = {"iters": 8, "batch_size": 2, "num_layers": 1, "learning_rate": 1e-3}
    for dotted, value in keys.items():
        table, _, key = dotted.rpartition(".")
        (train.setdefault(table, {}) if table else train)[key] = value
    if "resume_adapter_file" in train:
        train["resume_adapter_file"] = str(folder / train["resume_adapter_file"])
    data = {"source": str(folder / "rows.jsonl"), "template": str(folder / "t.jinja")}
    splits = {"train": 0.7, "valid": 0.15, "test": 0.15}
    return Recipe.model_validate(
        {"name": "r", "model": str(model), "train": train, "data": data | {"splits": splits},
         "allow": ["too-long", "no-target"]}
    )  # fmt: skip


def _facts(
    model: Any,
    args: Any,
    optimizer: Any,
    train_dataset: Any,
    val_dataset: Any,
    iterate_batches: Any,
    training_callback: Any,
    loss: Any = None,
) -> dict[str, Any]:
    from mlx.utils import tree_flatten

    assert iterate_batches.gather == train_dataset._data.mask_prompt
    iterate_batches.gather = False  # the model that measures the loss is all head
    tokens, ranges, *weight = next(
        iterate_batches(train_dataset, args.batch_size, args.max_seq_length)
    )
    trained = dict(tree_flatten(model.trainable_parameters()))
    kind = next(m for _, m in model.named_modules() if hasattr(m, "lora_a"))
    session, told = training_callback, asdict(training_callback.settings)
    reporting = session.reporting
    return {
        **vars(args), **told,
        **{key: getattr(session.args, key) for key in ("steps_per_eval", "steps_per_report")},
        "save_every": session.args.steps_per_save,
        "long rows": any("again" in str(row) for row in train_dataset._data),
        "rows of a batch": len(tokens),
        "offset": min(ranges[:, 0].tolist()),
        "layers": {int(name.split(".")[2]) for name in trained},
        "modules": {name.split(".")[-2] for name in trained},
        "leaves": {name.split(".")[-1] for name in trained},
        "rank": kind.lora_a.shape[-1], "scale": kind.scale, "dropout": 1 - kind.dropout._p_1,
        "first weight": trained[min(trained)].max().item(),
        "loss weights": _loss_weights(loss, weight),
        "service": "wandb" if reporting else None, "project": reporting and reporting.project,
        **_optimizer_facts(optimizer, model),
    }  # fmt: skip


def _optimizer_facts(optimizer: Any, model: Any) -> dict[str, Any]:
    """Update the model with no gradient, for the rates, then with one of ones."""
    import mlx.core as mx
    from mlx.utils import tree_flatten, tree_map

    inner = optimizer._optimizer
    zeros = tree_map(mx.zeros_like, model.trainable_parameters())
    rates = []
    for _ in range(8):
        optimizer.update(model, zeros)
        rates.append(optimizer.learning_rate.item())
    before = tree_flatten(model.trainable_parameters())
    optimizer.update(model, tree_map(mx.ones_like, zeros))
    after = dict(tree_flatten(model.trainable_parameters()))
    moved = sum(((after[name] - value) ** 2).sum().item() for name, value in before) ** 0.5
    return {
        "optimizer": type(inner).__name__,
        "eps": getattr(inner, "eps", None),
        "rates": rates,
        "first rate": rates[0],
        "last rate": rates[-1],
        "step": moved / (optimizer.learning_rate.item() or 1),
    }


def _loss_weights(loss: Any, weight: list[Any]) -> list[float]:
    """Return what the first answer tokens weigh beside the last."""
    import mlx.core as mx
    from mlx_lm.tuner.trainer import default_loss

    tokens, ranges = mx.ones((1, 16), mx.int32), mx.array([[3, 15]])
    gradient = mx.grad(lambda x: (loss or default_loss)(lambda _: x, tokens, ranges, *weight)[0])
    each = gradient(mx.zeros((1, 15, 4)))[0, :, 0].tolist()
    return [value / each[-1] for value in each[2:5]]
