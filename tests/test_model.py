from __future__ import annotations

from pathlib import Path

import pytest

from mlxr.errors import MlxrError
from mlxr.model import FILES, hub_error, locate


def test_a_local_model_is_its_folder(tmp_path: Path) -> None:
    assert locate(str(tmp_path)) == tmp_path


def test_a_hub_model_is_fetched_without_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = {}

    def download(model: str, allow_patterns: list[str]) -> str:
        asked[model] = allow_patterns
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert locate("owner/model") == tmp_path
    assert asked == {"owner/model": list(FILES)}
    assert not any("safetensors" in pattern for pattern in FILES)


def test_offline_and_not_in_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MlxrError) as raised:
        locate("nobody/no-such-model")
    assert raised.value.message == (
        "The model nobody/no-such-model is not in the cache, and the Hub cannot be reached."
    )
    assert "HF_HUB_OFFLINE" in raised.value.hint


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("GatedRepoError", "The model a/b is gated", "https://huggingface.co/a/b"),
        ("RepositoryNotFoundError", "The Hub has no model a/b", "Check `model`"),
        ("HfHubHTTPError", "The model a/b cannot be fetched: 500 Oops", "Check `model`"),
    ],
)
def test_what_the_hub_says_is_explained(name: str, message: str, hint: str) -> None:
    from huggingface_hub import errors

    kind = getattr(errors, name)
    error = kind.__new__(kind)
    Exception.__init__(error, "500 Oops\nRequest ID: 1")
    explained = hub_error("a/b", error)
    assert explained.message.startswith(message)
    assert hint in explained.hint
