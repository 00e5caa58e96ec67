"""The export child: mlx_lm's own fuse, and the proof that nothing was lost in it.

    python -m mlxr.export.child FD SETTINGS

Fusing is the stock `mlx_lm fuse`. The proof reads the fused model back from disk and holds it
against the adapter on its base, and that against the base alone. At most two models are in memory.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.ending import leave_with_mlxr
from mlxr.events import Generated, Pipe, Step, reporting
from mlxr.export.measure import Rows, greedy, logit_distance
from mlxr.files import read_jsonl, write_json
from mlxr.loaded import Arms, load_model


@dataclass(frozen=True)
class Settings:
    """What is to be fused, and what it is held against."""

    model: str
    """Folder of the base model."""
    adapter: str
    folder: str
    """Where the fused model goes."""
    dequantize: bool
    gguf: str | None
    """File in `folder` for the weights in GGUF as well, or None."""
    rows: str
    """JSON Lines: {"ids": prompt and answer tokens, "offset": length of the prompt}."""
    proof: str
    """File for what the proof found."""
    max_tokens: int
    batch_size: int
    trust_remote_code: bool


def main(descriptor: int, settings: Settings) -> None:
    """Fuse and prove as `settings` say, reporting to `descriptor`."""
    with reporting(descriptor) as pipe:
        pipe.send(Step("Fusing the adapter into its base"))
        _fuse(settings)
        write_json(Path(settings.proof), _prove(settings, pipe))


def _fuse(settings: Settings) -> None:
    """Run `mlx_lm fuse` as a person would."""
    from mlx_lm import fuse

    words = ["--model", settings.model, "--adapter-path", settings.adapter]
    words += ["--save-path", settings.folder]
    words += ["--dequantize"] if settings.dequantize else []
    words += ["--export-gguf", "--gguf-path", settings.gguf] if settings.gguf else []
    words += ["--trust-remote-code"] if settings.trust_remote_code else []
    sys.argv = ["mlx_lm.fuse", *words]
    fuse.main()


def _prove(settings: Settings, pipe: Pipe) -> dict[str, Any]:
    """Return which greedy answers are equal, and the logits' distances to the adapter on its base.

    Of the fused model, and of the base alone: how much there is to lose.
    """
    rows = _rows(settings)
    trusted = settings.trust_remote_code
    arms = Arms(settings.model, settings.adapter, trust_remote_code=trusted)
    tokenizer = arms.tokenizer
    wanted = _answers("the adapter on its base", arms.use("tuned"), tokenizer, rows, pipe)
    fused, own = load_model(settings.folder, trust_remote_code=trusted)
    if own.chat_template != tokenizer.chat_template:
        raise ValueError("mlx_lm saved another chat template than it loaded")
    given = _answers("the fused model", fused, own, rows, pipe)
    pipe.send(Step("Measuring the distance of their logits"))
    to_fused = logit_distance(arms.use("tuned"), fused, rows)
    del fused, own  # before the base is read

    def tuned(tokens: Any) -> Any:
        return arms.use("tuned")(tokens)

    def base(tokens: Any) -> Any:
        return arms.use("base")(tokens)

    return {
        "equal": [one == other for one, other in zip(wanted, given, strict=True)],
        "fused": to_fused,
        "base": logit_distance(tuned, base, rows),
    }


def _rows(settings: Settings) -> Rows:
    rows = list(read_jsonl(Path(settings.rows)))
    ids, offsets = [row["ids"] for row in rows], [row["offset"] for row in rows]
    return Rows(ids, offsets, settings.max_tokens, settings.batch_size)


def _answers(name: str, model: Any, tokenizer: Any, rows: Rows, pipe: Pipe) -> Any:
    count = len(rows.ids)
    pipe.send(Step(f"Asking {name}: {count} test prompts"))
    return greedy(model, tokenizer, rows, lambda done, n: pipe.send(Generated(done, count, n)))


if __name__ == "__main__":
    leave_with_mlxr()
    main(int(sys.argv[1]), Settings(**json.loads(sys.argv[2])))
