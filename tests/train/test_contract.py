"""The seam: every name and signature of mlx_lm and MLX that mlxr relies on.

When one of these fails after an upgrade of mlx-lm, look at the module named beside it before
widening the range in pyproject.toml.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_lora_main_calls_train_by_its_module_name() -> None:
    """train/child.py replaces `mlx_lm.lora.train`."""
    from mlx_lm import lora

    assert "train" in lora.train_model.__code__.co_names
    assert parameters(lora.main) == []
    called = inspect.getsource(lora.train_model).split("    train(\n")[1]
    passed = [line.split("=")[0].strip() for line in called.splitlines() if "=" in line]
    assert passed == [
        "model",
        "args",
        "optimizer",
        "train_dataset",
        "val_dataset",
        "training_callback",
    ]


def test_train_takes_batches_and_a_callback() -> None:
    """train/session.py calls the original."""
    from mlx_lm.tuner import trainer

    assert parameters(trainer.train) == [
        "model",
        "optimizer",
        "train_dataset",
        "val_dataset",
        "args",
        "loss",
        "iterate_batches",
        "training_callback",
    ]
    assert parameters(trainer.iterate_batches) == [
        "dataset",
        "batch_size",
        "max_seq_length",
        "loop",
        "seed",
        "comm_group",
    ]
    replaced = {"iters", "steps_per_report", "steps_per_save", "adapter_file"}
    replaced |= {"clear_cache_threshold"}
    read = {"val_batches", "batch_size", "max_seq_length", "grad_accumulation_steps"}
    fields = {field.name for field in dataclasses.fields(trainer.TrainingArgs)}
    assert replaced | read | {"steps_per_eval"} <= fields


def test_train_reports_these_figures() -> None:
    """train/session.py reads them after every iteration."""
    from mlx_lm.tuner import trainer

    source = inspect.getsource(trainer.train)
    for figure in ("iteration", "train_loss", "learning_rate", "trained_tokens", "peak_memory"):
        assert f'"{figure}": ' in source


def test_train_uses_this_of_an_optimizer() -> None:
    """train/optimizer.py stands in for one."""
    import re

    from mlx_lm.tuner import trainer

    from mlxr.train.optimizer import Watched

    used = set(re.findall(r"optimizer\.(\w+)", inspect.getsource(trainer.train)))
    assert used == {"state", "update", "learning_rate"}
    assert used <= set(dir(Watched))


def test_a_loss_returns_a_mean_and_a_count() -> None:
    """train/loss.py replaces it, with the same mask."""
    from mlx_lm.tuner import trainer

    assert parameters(trainer.default_loss) == ["model", "batch", "lengths"]
    source = inspect.getsource(trainer.default_loss)
    assert "steps >= lengths[:, 0:1], steps <= lengths[:, 1:]" in source
    assert "return ce, ntoks" in source


def test_services_are_registered_by_name() -> None:
    """train/child.py adds one; lora.run passes the run's folder and configuration."""
    from mlx_lm.tuner import callbacks

    from mlxr.train.tensorboard import TensorBoard

    assert set(callbacks.SUPPORT_CALLBACK) >= {"wandb", "swanlab"}
    called = parameters(callbacks.WandBCallback.__init__)
    assert parameters(TensorBoard.__init__) == called


def test_trust_remote_code_is_taken_from_the_command_line_alone() -> None:
    """train/config.py puts it there."""
    from mlx_lm.lora import build_parser

    assert build_parser().parse_args([]).trust_remote_code is False


def test_evaluate_takes_batches() -> None:
    """train/validation.py validates with it."""
    from mlx_lm.tuner import trainer

    assert parameters(trainer.evaluate) == [
        "model",
        "dataset",
        "batch_size",
        "num_batches",
        "max_seq_length",
        "loss",
        "iterate_batches",
        "clear_cache_threshold",
        "progress_callback",
    ]


def test_a_cached_dataset_holds_the_raw_rows() -> None:
    """train/rows.py reads row lengths and offsets from them."""
    from mlx_lm.tuner.datasets import CacheDataset, ChatDataset

    rows = [{"messages": [], "mlxr": {"tokens": 3}}]
    assert CacheDataset(ChatDataset(rows, tokenizer=None))._data[0] == rows[0]


def test_the_state_of_mlx_is_a_key_and_a_tree() -> None:
    """train/state.py stores and restores it."""
    import mlx.core as mx
    import mlx.optimizers as optim

    mx.random.seed((3 << 32) | 5)
    assert mx.random.state[0].tolist() == [3, 5]
    optimizer = optim.Adam(learning_rate=0.1)
    optimizer.init({"w": mx.zeros(2)})
    assert set(optimizer.state) == {"step", "learning_rate", "w"}


def test_generation_in_batches() -> None:
    """compare/generate.py runs it."""
    from mlx_lm.generate import BatchGenerator, GenerationBatch

    assert {"stop_tokens", "completion_batch_size", "prefill_batch_size"} <= set(
        parameters(BatchGenerator.__init__)
    )
    assert parameters(BatchGenerator.insert)[1:3] == ["prompts", "max_tokens"]
    assert hasattr(BatchGenerator, "next_generated")
    fields = {field.name for field in dataclasses.fields(GenerationBatch.Response)}
    assert {"uid", "token", "finish_reason"} <= fields


def test_a_model_is_loaded_with_its_adapter() -> None:
    """loaded.py does."""
    import mlx_lm
    from mlx_lm.tuner.utils import load_adapters

    told = {"adapter_path", "tokenizer_config", "lazy", "trust_remote_code"}
    assert told <= set(parameters(mlx_lm.load))
    assert parameters(load_adapters) == ["model", "adapter_path"]


def test_an_answer_is_timed() -> None:
    """compare/stopwatch.py takes mlx_lm's own times."""
    from mlx_lm.generate import GenerationResponse

    fields = {field.name for field in dataclasses.fields(GenerationResponse)}
    assert {"prompt_tokens", "prompt_tps", "generation_tokens", "generation_tps"} <= fields
