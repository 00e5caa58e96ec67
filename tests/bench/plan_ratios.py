"""What `mlxr plan` says beside what `mlxr train` then reports: ratios of time and memory.

    python tests/bench/plan_ratios.py [--iterations 120] [--rounds 3]

The demo and three shapes of it, each in turns: plan, plan --no-measure, train. 1.00 is exact.
Time is the whole run, by the clock, so that whatever else the machine does shows in it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import ROOT

RECIPE = ROOT / "recipes" / "demo" / "calendar.toml"
SHAPES = [
    {"batch_size": 1, "num_layers": -1, "iters": 360, "steps_per_eval": 180},  # the demo itself
    {"batch_size": 2, "num_layers": -1},
    {"batch_size": 8, "num_layers": 2, "grad_checkpoint": True},
    {"batch_size": 4, "num_layers": -1, "mask_prompt": False},
]


def mlxr(folder: Path, command: str, shape: dict[str, Any], *more: str) -> dict[str, Any]:
    """Return what a command of mlxr says with --json; stop here where it failed."""
    given = [f"train.{key}={str(value).lower()}" for key, value in shape.items()]
    sets = [word for each in given for word in ("--set", each)]
    words = [sys.executable, "-m", "mlxr", command, str(RECIPE), *sets, *more, "--json"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def ratios(folder: Path, shape: dict[str, Any]) -> dict[str, float]:
    """Return planned : trained, for time and memory, measured and estimated."""
    measured = mlxr(folder, "plan", shape)
    estimated = mlxr(folder, "plan", shape, "--no-measure")
    trained = mlxr(folder, "train", shape)
    return {
        "time measured": measured["time"]["total"] / trained["seconds"],
        "time estimated": estimated["time"]["total"] / trained["seconds"],
        "memory measured": measured["memory"]["peak"] / trained["peak_memory"],
        "memory estimated": estimated["memory"]["peak"] / trained["peak_memory"],
    }


def main() -> None:
    """Print the median of each ratio, and all of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--iterations", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    for each in SHAPES:
        length = {"iters": options.iterations, "steps_per_eval": options.iterations // 2}
        shape = length | each
        with tempfile.TemporaryDirectory() as name:
            mlxr(Path(name), "prep", shape)
            found = [ratios(Path(name), shape) for _ in range(options.rounds)]
        sys.stdout.write(f"{shape}\n")
        for key in found[0]:
            values = [each[key] for each in found]
            shown = " ".join(f"{value:.2f}" for value in values)
            sys.stdout.write(f"  {key:17} {statistics.median(values):.2f}  ({shown})\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
