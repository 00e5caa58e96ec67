"""What cannot work is said before anything is loaded."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from conftest import MODEL
from mlxr.errors import MlxrError
from mlxr.files import write_json
from mlxr.model import ModelConfig, Weights, read_weights, safetensors_header
from mlxr.recipe import Train
from mlxr.train import checks
from mlxr.train.checks import OPTIMIZER_ARGUMENTS, check
from train.runs import Run, Write, prepared

MODEL_OF_4 = ModelConfig({"num_hidden_layers": 4})
NAMES = frozenset(
    f"model.layers.{i}.{name}.weight" for i in (0, 11) for name in ("self_attn.q_proj", "mlp.up")
) | {"lm_head.weight"}


def refusal(
    model: ModelConfig = MODEL_OF_4, weights: Weights | None = None, **train: Any
) -> tuple[str, str]:
    with pytest.raises(MlxrError) as caught:
        check(Train.model_validate(train), model, weights)
    return caught.value.message, caught.value.hint


def test_full_training_of_a_quantised_model() -> None:
    configs: list[dict[str, Any]] = [
        {"quantization": {"bits": 4}},
        {"text_config": {"quantization_config": {}}},
    ]
    for values in configs:
        said, hint = refusal(ModelConfig(values), fine_tune_type="full")
        assert "cannot train a quantised model" in said
        assert '"lora"' in hint


def test_more_layers_than_the_model_has() -> None:
    assert refusal(num_layers=16) == (
        "train.num_layers = 16, but the model has 4 layers.",
        "Set train.num_layers = 4 or less; -1 trains all of them.",
    )
    check(Train(), MODEL_OF_4, None)  # the default yields


def test_a_key_that_matches_no_module() -> None:
    keys = {"keys": ["self_attn.q_proj", "self_attn.q_porj"]}
    for exact in (True, False):
        assert refusal(weights=Weights(NAMES, exact), lora_parameters=keys) == (
            'train.lora_parameters.keys: the model has no module "self_attn.q_porj".',
            "It has lm_head, mlp.up, self_attn.q_proj.",
        )


def test_keys_that_mlx_lm_may_rename_are_left_to_it() -> None:
    train = Train.model_validate({"lora_parameters": {"keys": ["mlp.switch_mlp.up", "lm_head"]}})
    check(train, MODEL_OF_4, Weights(NAMES, exact=False))
    with pytest.raises(MlxrError, match=r"no module \"mlp\.switch_mlp\.up\""):
        check(train, MODEL_OF_4, Weights(NAMES, exact=True))


def test_the_names_of_a_models_weights_come_from_its_headers(tmp_path: Path) -> None:
    weights = read_weights(MODEL)
    assert weights is not None
    assert "model.layers.2.mlp.up_proj.weight" in weights.names
    assert read_weights(tmp_path) is None
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 30)
    with pytest.raises(MlxrError, match=r"is no \.safetensors file"):
        safetensors_header(tmp_path / "model.safetensors")


def test_an_argument_that_the_optimizer_does_not_take() -> None:
    assert refusal(optimizer="adamw", optimizer_config={"wd": 0.1}) == (
        "train.optimizer_config: adamw takes no wd.",
        "It takes betas, eps, weight_decay, bias_correction.",
    )


@pytest.mark.parametrize("name", OPTIMIZER_ARGUMENTS)
def test_the_arguments_are_those_of_the_installed_mlx(name: str) -> None:
    import mlx.optimizers as optim

    kind = {kind.__name__.lower(): kind for kind in vars(optim).values() if inspect.isclass(kind)}
    taken = list(inspect.signature(kind[name].__init__).parameters)
    assert OPTIMIZER_ARGUMENTS[name].split() == taken[2:]


def test_a_service_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    said, hint = refusal(report_to="wandb")
    assert "wandb is not installed" in said
    assert hint == "pip install wandb"
    assert refusal(report_to="tensorboard")[1] == "pip install tensorboardX"


def test_an_adapter_of_another_kind_or_rank(tmp_path: Path) -> None:
    import mlx.core as mx

    file = tmp_path / "adapters.safetensors"
    assert "does not exist" in refusal(resume_adapter_file=str(file))[0]
    mx.save_safetensors(str(file), {"a.lora_a": mx.zeros((4, 2)), "a.lora_b": mx.zeros((2, 4))})
    said, hint = refusal(resume_adapter_file=str(file), fine_tune_type="dora")
    assert "holds lora weights" in said
    write_json(tmp_path / "adapter_config.json", {"lora_parameters": {"rank": 2}})
    said, hint = refusal(resume_adapter_file=str(file))
    assert "has rank 2, and the recipe 8" in said
    assert hint == "Set train.lora_parameters.rank = 2."
    fitting = {"resume_adapter_file": str(file), "lora_parameters": {"rank": 2}}
    check(Train.model_validate(fitting), MODEL_OF_4, None)


def test_nothing_is_written_when_a_plan_cannot_work(
    mlxr: Run, write_recipe: Write, tmp_path: Path
) -> None:
    recipe = prepared(mlxr, write_recipe())
    ran = mlxr("train", recipe, "--set", 'train.lora_parameters.keys=["self_attn.q"]')
    assert ran.code == 1
    assert 'the model has no module "self_attn.q"' in ran.err
    assert not (tmp_path / "adapters").exists()
