"""Can this run be judged on these data?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError
from mlxr.files import read_jsonl
from mlxr.trained import check_weights
from mlxr.workspace import Adapter, Prepared


def check_run(adapter: Adapter, record: Mapping[str, Any], data: str, path: Path) -> None:
    """Raise MlxrError when the run cannot be judged on these data."""
    run = adapter.run
    if "result" not in record:
        raise MlxrError(
            f"Run {run.name} has not ended (or was killed).",
            f"Wait for it, or go on with it: mlxr train {path} --resume",
        )
    check_weights(adapter, record["status"], path)
    if record["data"]["sha256"] != data:
        raise MlxrError(
            f"The data of {run.folder.parent.name} were prepared anew since run {run.name} was"
            " trained: its training rows may now be test rows.",
            f"Train on the new data: mlxr train {path}",
        )


def check_answers(prepared: Prepared, split: str = "test") -> None:
    """Raise MlxrError where there are no prompts to answer."""
    if any("text" in row for row in read_jsonl(prepared.split(split))):
        raise MlxrError(
            f"{prepared.split(split)} is plain text: there is no prompt to answer, nor an answer.",
            "mlx_lm measures its loss: python -m mlx_lm lora --test",
        )
