"""How long `mlxr --help` takes beside `python -m mlx_lm lora --help`: medians of five, in turns.

python tests/bench/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "mlxr --help": [sys.executable, "-m", "mlxr", "--help"],
    "mlx_lm lora --help": [sys.executable, "-m", "mlx_lm", "lora", "--help"],
}


def seconds(command: list[str]) -> float:
    """Return the wall time of one run of a command."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    """Print both medians and their ratio."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(6):  # the first round warms the disk cache
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    for name, value in medians.items():
        sys.stdout.write(f"{name:20} {value:6.2f} s\n")
    ours, theirs = medians.values()
    sys.stdout.write(f"ratio {ours / theirs:.2f}\n")


if __name__ == "__main__":
    main()
