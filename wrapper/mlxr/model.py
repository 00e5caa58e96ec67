"""A model's tokenizer and config files, and what they and its weights' headers say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError, first_line
from mlxr.files import file_sha256, read_json, sha256
from mlxr.quiet import quiet

FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
    "*.jinja",
    "vocab.*",
    "merges.txt",
    "tokenizer.model",
    "*.tiktoken",
    "tiktoken.model",
    "tokenization*.py",
)
"""What a tokenizer is made of; never weights."""
_WHOLE = (*FILES, "*.json", "*.txt", "*.py", "model*.safetensors")
"""What mlx_lm 0.32.2 reads of a model (utils.py, _download)."""


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
    def heads(self) -> int | None:
        """Attention heads of a block, where the config names them."""
        return self._first("num_attention_heads", "n_heads", "n_head")

    @property
    def experts(self) -> int:
        """Experts that each token meets, in a model that has several to choose from."""
        return self._first("num_experts_per_tok", "moe_top_k", "top_k_experts") or 1

    @property
    def dtype(self) -> str:
        """What its weights are stored in, but for those quantised; where not told, 16 bits."""
        told = [table.get(name) for table in self._tables() for name in ("torch_dtype", "dtype")]
        known = ("float32", "float16", "bfloat16")
        return next((each for each in told if each in known), "bfloat16")

    @property
    def quantized(self) -> bool:
        """Whether the weights are quantised."""
        return any(
            key in table
            for table in self._tables()
            for key in ("quantization", "quantization_config")
        )

    def _first(self, *names: str) -> int | None:
        for table in self._tables():
            for name in names:
                if isinstance(table.get(name), int):
                    return int(table[name])
        return None

    def _tables(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the config, and the part on text of a model that also sees or hears."""
        text = self.values.get("text_config")
        return self.values, text if isinstance(text, dict) else {}


@dataclass(frozen=True)
class Weights:
    """The names of a model's weights, from the headers of its files."""

    names: frozenset[str]
    exact: bool
    """Whether they are MLX's own; mlx_lm renames some of a model that was not converted."""


def locate(model: str, *, weights: bool = False) -> Path:
    """Return the folder with a model's tokenizer and config files, fetched from the Hub if need be.

    With `weights`, with all of it. Raises MlxrError when the Hub has no such model, wants terms
    accepted or cannot be reached.
    """
    if Path(model).is_absolute():
        return Path(model)
    with quiet():
        from huggingface_hub import snapshot_download

        try:
            return Path(snapshot_download(model, allow_patterns=list(_WHOLE if weights else FILES)))
        except Exception as error:
            raise hub_error(model, error) from error


CHAT_TEMPLATE = "chat_template.jinja"


def with_chat_template(model: str, template: Path, folder: Path) -> Path:
    """Make `folder` the same model with another chat template, and return it.

    mlx_lm takes a chat template only from the model's folder: this one holds the template and
    links to the model's other files. One that is there already is left as it is.
    """
    if not folder.is_dir():
        whole = locate(model, weights=True)
        folder.mkdir(parents=True)
        for path in whole.iterdir():
            if path.name != CHAT_TEMPLATE:
                (folder / path.name).symlink_to(path)
        (folder / CHAT_TEMPLATE).write_bytes(template.read_bytes())
    return folder


def hub_error(model: str, error: Exception) -> MlxrError:
    """Return what went wrong with a model on the Hub in the user's words, with the next step."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return MlxrError(
            f"The model {model} is gated: its owner wants you to accept terms first.",
            f"Accept them at https://huggingface.co/{model}, then `hf auth login`.",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return MlxrError(
            f"The Hub has no model {model}, or it is private.",
            "Check `model` in the recipe; for a private one, `hf auth login`.",
        )
    if isinstance(error, errors.LocalEntryNotFoundError):
        return MlxrError(
            f"The model {model} is not in the cache, and the Hub cannot be reached.",
            "Go online once (and unset HF_HUB_OFFLINE), or give a local folder as `model`.",
        )
    said = f"The model {model} cannot be fetched: {first_line(error)}"
    return MlxrError(said, "Check `model` in the recipe.")


def fingerprint(folder: Path) -> str:
    """Return a hash over the bytes of a model's tokenizer and config files."""
    found = {path for pattern in FILES for path in folder.glob(pattern) if path.is_file()}
    return sha256([[path.name, file_sha256(path)] for path in sorted(found)])


def read_config(folder: Path) -> ModelConfig:
    """Return config.json as mlx_lm takes it: generation_config.json has the last word on EOS."""
    config = read_json(folder / "config.json")
    generation = folder / "generation_config.json"
    last = read_json(generation).get("eos_token_id") if generation.is_file() else None
    return ModelConfig({**config, "eos_token_id": last} if last else dict(config))


def read_weights(folder: Path) -> Weights | None:
    """Return the names of the weights in `folder`; None where they are not (yet) there."""
    headers = [safetensors_header(path) for path in sorted(folder.glob("model*.safetensors"))]
    if not headers:
        return None
    names = frozenset(name for header in headers for name in header if name != "__metadata__")
    formats = {(header.get("__metadata__") or {}).get("format") for header in headers}
    return Weights(names, exact=formats == {"mlx"})


def safetensors_header(path: Path) -> dict[str, Any]:
    """Return the JSON header of a .safetensors file: name → dtype, shape, data_offsets.

    Its length stands in the first 8 bytes, little-endian
    (https://github.com/huggingface/safetensors#format). Raises MlxrError when it has none.
    """
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        try:
            header = json.loads(stream.read(min(size, _LONGEST_HEADER)))
        except ValueError:
            header = None
    if not isinstance(header, dict):
        raise MlxrError(f"{path} is no .safetensors file, or a broken one.", "Fetch it again.")
    return header


def is_whole(path: Path) -> bool:
    """Tell whether a .safetensors file has as many bytes as its header says."""
    try:
        tensors = {k: v for k, v in safetensors_header(path).items() if k != "__metadata__"}
        content = max(about["data_offsets"][1] for about in tensors.values())
    except (MlxrError, KeyError, IndexError, TypeError, ValueError):
        return False
    with path.open("rb") as stream:
        header = int.from_bytes(stream.read(8), "little")
    return bool(path.stat().st_size == 8 + header + content)


_LONGEST_HEADER = 100_000_000
"""Bytes; the limit of the safetensors library."""
