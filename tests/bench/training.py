"""mlxr train beside plain `python -m mlx_lm lora`: the same rows, options, libraries, in turns.

    python tests/bench/training.py [--rows FILE --tokenizer FOLDER] [--iterations 20] [--rounds 3]

Real target tokens per second count answer tokens only: neither padding nor the one padding
token of every row that mlx_lm takes for a target. The time is that of iterations 2 and on, by
the clock; the rest of a run is its start and end. The rows are calls of made-up functions,
whose lengths differ as those of real ones do, then rows of one length; or FILE's.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import MODEL
from mlxr.process import environment

BATCH = 8
TEMPLATE = """
{% block prompt %}{{ tools }}

{{ query }}{% endblock %}
{% block completion %}{{ answers }}{% endblock %}
"""
PLAIN = """
import sys, time
out = open(sys.argv.pop(), "w")
from mlx_lm import lora
from mlx_lm.tuner import trainer
from mlx_lm.tuner.callbacks import SUPPORT_CALLBACK
def batches(*args, **options):
    for number, batch in enumerate(trainer.iterate_batches(*args, **options)):
        if not number: print(time.perf_counter(), 0, file=out, flush=True)
        yield batch
def train(*args, **options):
    return trainer.train(*args, iterate_batches=batches, **options)
lora.train = train
class Clock:
    def __init__(self, **_): pass
    def on_val_loss_report(self, info): pass
    def on_train_loss_report(self, info):
        out.write(f"{time.perf_counter()} {info['trained_tokens']}\\n"); out.flush()
SUPPORT_CALLBACK["clock"] = Clock
lora.main()
"""
"""Stock mlx_lm that notes the clock; its own text has neither times nor exact counts."""


@dataclass(frozen=True)
class Measure:
    """One run: seconds and target tokens of iterations 2 and on, seconds until the first began."""

    seconds: float
    tokens: int
    start: float

    @property
    def speed(self) -> float:
        """Real target tokens per second."""
        return self.tokens / self.seconds


def rows(count: int, *, equal: bool) -> Iterator[dict[str, str]]:
    """Yield function calls; how many tools a prompt offers varies as in xlam, or not at all."""
    draw = random.Random(7)
    for number in range(count):
        offered = 4 if equal else min(40, 1 + int(draw.lognormvariate(1.0, 0.9)))
        tools = [{"name": f"tool_{i:02d}", "description": "finds things"} for i in range(offered)]
        call = [{"name": "tool_00", "arguments": {"n": f"{number:04d}"}}]
        yield {
            "tools": json.dumps(tools),
            "query": f"Find {number:04d}",
            "answers": json.dumps(call * (1 if equal else 1 + number % 3)),
        }


def write_model(folder: Path, tokenizer: Path) -> None:
    """Write a tiny Llama of random floats with a tokenizer of any size."""
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.models.llama import Model, ModelArgs
    from transformers import AutoTokenizer

    shutil.copytree(tokenizer, folder, ignore=shutil.ignore_patterns("*.safetensors*"))
    config = {
        "model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "head_dim": 16,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
        "rms_norm_eps": 1e-5, "vocab_size": len(AutoTokenizer.from_pretrained(folder)),
        "max_position_embeddings": 4096, "tie_word_embeddings": True,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").unlink(missing_ok=True)
    weights = dict(tree_flatten(Model(ModelArgs.from_dict(config)).parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    """Start a command in `folder` with a child's environment."""
    out = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=out, stderr=subprocess.STDOUT, text=True
    )


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a command; stop here, with what it said, where it failed."""
    said, _ = process.communicate()
    if process.returncode:
        sys.exit(said)


def mlxr(folder: Path) -> Measure:
    """Measure `mlxr train`; its events are looked for every 5 ms."""
    before, begin = len(list(folder.glob("adapters/r/*"))), time.perf_counter()
    process = start([sys.executable, "-m", "mlxr", "train", "r.toml", "-q"], folder)
    events = folder / f"adapters/r/{before + 1:04d}/events.jsonl"
    while process.poll() is None and not (events.exists() and _trained(events)):
        time.sleep(0.005)
    first = time.perf_counter() - begin
    finish(process)
    seconds, tokens = zip(*_trained(events), strict=True)
    return Measure(sum(seconds[1:]), sum(tokens[1:]), first - seconds[0])


def _trained(events: Path) -> list[tuple[float, int]]:
    """Return seconds and target tokens of every iteration reported so far."""
    lines = events.read_text().split("\n")[:-1]
    found = [event for line in lines if (event := json.loads(line))["event"] == "trained"]
    return [(event["seconds"], event["target_tokens"]) for event in found]


def plain(folder: Path) -> Measure:
    """Measure plain mlx_lm on the same rows with the configuration that mlxr wrote."""
    newest = max((folder / "adapters/r").iterdir())
    config = json.loads((newest / "mlx_lm.yaml").read_text())
    data = folder / "plain"
    data.mkdir(exist_ok=True)
    shutil.copy(folder / "data/r/train.jsonl", data)  # no valid.jsonl: no validation
    config |= {"report_to": "clock", "steps_per_report": 1, "save_every": 10**9}
    config |= {"data": str(data), "adapter_path": str(folder / "adapter")}
    (folder / "plain.yaml").write_text(json.dumps(config))
    times = folder / "times.txt"
    begin = time.perf_counter()
    finish(start([sys.executable, "-c", PLAIN, "-c", "plain.yaml", str(times)], folder))
    lines = [line.split() for line in times.read_text().splitlines()]
    clock, tokens = [float(line[0]) for line in lines], [int(line[1]) for line in lines]
    padding = BATCH * (len(lines) - 2)
    return Measure(clock[-1] - clock[1], tokens[-1] - tokens[1] - padding, clock[0] - begin)


def bench(given: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, list[Measure]]:
    """Return the measures of both, taken in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder / "model", Path(options.tokenizer))
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in given))
        (folder / "t.jinja").write_text(TEMPLATE)
        (folder / "r.toml").write_text(
            'model = "./model"\n'
            '[data]\nsource = "rows.jsonl"\ntemplate = "t.jinja"\n'
            f"[train]\nbatch_size = {BATCH}\niters = {options.iterations}\nnum_layers = -1\n"
            "val_batches = 0\nsave_every = 1000000\n"
        )
        finish(start([sys.executable, "-m", "mlxr", "prep", "r.toml", "-q"], folder))
        found: dict[str, list[Measure]] = {"mlxr": [], "mlx_lm": []}
        for _ in range(options.rounds):
            found["mlxr"].append(mlxr(folder))
            found["mlx_lm"].append(plain(folder))
        return found


def report(title: str, found: dict[str, list[Measure]]) -> None:
    """Write medians and ratios."""
    sys.stdout.write(f"{title}\n")
    speed, step, first = {}, {}, {}
    for name, measures in found.items():
        speed[name] = statistics.median(each.speed for each in measures)
        step[name] = statistics.median(each.seconds for each in measures)
        first[name] = statistics.median(each.start for each in measures)
        sys.stdout.write(
            f"  {name:7} {speed[name]:8.0f} target tokens/s  {step[name]:6.2f} s of iterations"
            f"  {first[name]:5.2f} s until they begin\n"
        )
    sys.stdout.write(
        f"  mlxr : mlx_lm  tokens/s {speed['mlxr'] / speed['mlx_lm']:.2f}"
        f"  seconds {step['mlxr'] / step['mlx_lm']:.3f}"
        f"  begins {first['mlxr'] - first['mlx_lm']:+.2f} s\n"
    )
    sys.stdout.flush()


def main() -> None:
    """Print medians, ratios and differences."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows")
    parser.add_argument("--tokenizer", default=str(MODEL))
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    if options.rows:
        given = [json.loads(line) for line in Path(options.rows).read_text().splitlines()]
        report(Path(options.rows).name, bench(given, options))
    else:
        report("rows of many lengths", bench(list(rows(600, equal=False)), options))
    report("rows of one length", bench(list(rows(600, equal=True)), options))


if __name__ == "__main__":
    main()
