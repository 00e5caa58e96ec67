"""What a model's config.json says, read without its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import read_json


@dataclass(frozen=True)
class ModelConfig:
    """config.json, and the few values of it that mlxr asks for."""

    values: dict[str, Any]

    @property
    def layers(self) -> int | None:
        """Number of transformer blocks, where the config names it."""
        return self._first("num_hidden_layers", "n_layers", "n_layer", "num_layers")

    @property
    def context(self) -> int | None:
        """Longest sequence in tokens, where the config names it."""
        return self._first("max_position_embeddings", "n_positions", "seq_length")

    @property
    def quantized(self) -> bool:
        """Whether the weights are quantised."""
        return "quantization" in self.values or "quantization_config" in self.values

    def _first(self, *names: str) -> int | None:
        text = self.values.get("text_config")
        for table in (self.values, text if isinstance(text, dict) else {}):
            for name in names:
                if isinstance(table.get(name), int):
                    return int(table[name])
        return None


def read_config(model: str) -> ModelConfig:
    """Return the configuration of a local folder or of a Hub id (fetched or from the cache).

    Raises MlxrError when there is none to be had.
    """
    folder = Path(model)
    if folder.is_absolute():
        return ModelConfig(read_json(folder / "config.json"))
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return ModelConfig(read_json(Path(hf_hub_download(model, "config.json"))))
    except LocalEntryNotFoundError:
        raise MlxrError(
            f"The model {model} is neither a folder here nor in the cache, and the Hub is not"
            " reachable.",
            f"Go online once (hf download {model}), or name a local folder.",
        ) from None
    except (HfHubHTTPError, OSError) as error:
        raise MlxrError(
            f"The Hub has no model {model} for you: {_first_line(error)}",
            "Check the id; for gated models accept the licence on its page, then `hf auth login`.",
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
