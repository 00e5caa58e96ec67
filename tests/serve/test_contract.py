"""What serve/child.py and chat/ rely on in mlx_lm; see tests/train/test_contract.py."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_server_takes_what_is_replaced_by_its_module_names() -> None:
    from mlx_lm import server

    assert "ModelProvider" in server.main.__code__.co_names
    assert "_run_http_server" in server.run.__code__.co_names
    assert parameters(server._run_http_server) == [
        "host", "port", "response_generator", "server_class", "handler_class",
    ]  # fmt: skip
    assert "handle_models_request" in server.APIHandler.do_GET.__code__.co_names
    assert "handle_completion" in server.APIHandler.do_POST.__code__.co_names
    assert parameters(server.APIHandler._set_completion_headers) == ["self", "status_code"]
    source = inspect.getsource(server.APIHandler.do_POST)
    for name in ("requested_model", "requested_draft_model", "adapter"):
        assert f"self.{name} = " in source


def test_every_model_of_a_request_comes_through_load() -> None:
    from mlx_lm import server

    provider = server.ModelProvider
    assert parameters(provider.load) == ["self", "model_path", "adapter_path", "draft_model_path"]
    assert parameters(provider.load_default) == ["self"]
    source = inspect.getsource(server.ResponseGenerator)
    assert source.count("model_provider.load(") == 1
    assert source.count("model_provider.load_default()") == 1


def test_the_server_knows_its_options() -> None:
    from mlx_lm import server

    source = inspect.getsource(server.main)
    for option in (
        "--model",
        "--adapter-path",
        "--host",
        "--port",
        "--trust-remote-code",
        "--allowed-origins",
    ):
        assert f'"{option}"' in source


def test_an_answer_is_streamed_with_a_cache_and_a_word_on_progress() -> None:
    import mlx_lm
    from mlx_lm.generate import GenerationResponse, generate_step
    from mlx_lm.sample_utils import make_sampler
    from mlx_lm.tokenizer_utils import TokenizerWrapper

    taken = {"max_tokens", "sampler", "prompt_cache", "prompt_progress_callback"}
    assert taken <= set(parameters(generate_step))
    assert parameters(mlx_lm.stream_generate)[:4] == ["model", "tokenizer", "prompt", "max_tokens"]
    assert {"text", "token", "finish_reason"} <= set(parameters(GenerationResponse))
    assert parameters(make_sampler)[0] == "temp"
    assert parameters(TokenizerWrapper.add_eos_token) == ["self", "token"]
