"""Answers through mlxr beside one-by-one `mlx_lm.generate` calls: same prompts, model, libraries.

    python tests/bench/generation.py [--prompts 64] [--rounds 3] [--iterations 60]

Prompts of the demo's test split, by the demo model alone and with an adapter of some iterations
of training. Each side answers all of them in one process of its own, in turns; mlxr's does all
that the compare child does (writing every answer to a file, reporting), mlx_lm's calls
`mlx_lm.generate` for one prompt after the other. Loading is not in the time and shown apart;
so are the processor's seconds, which a busy machine disturbs less than the clock.
Where texts differ, the logits tell whether the two tokens were nearly equal: NEAR, in nats.
Bar: at least 1.5 times as fast.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from conftest import MODEL, ROOT
from mlxr.process import environment

BAR, NEAR = 1.5, 1e-2
RECIPE = ROOT / "recipes/demo/calendar.toml"
Answers = dict[str, Any]
"""seconds of generation by the clock and of the processor, seconds of loading, texts."""


def ours(asked: dict[str, Any], model: Any, tokenizer: Any) -> list[str]:
    """Answer as the compare child does."""
    from mlxr.compare.child import Job, _generate
    from mlxr.compare.outputs import read_outputs
    from mlxr.events import Pipe

    with tempfile.TemporaryDirectory() as name, Path(name, "events").open("w") as events:
        path = Path(name) / "outputs.jsonl"
        job = Job("", "", str(path), asked["max_tokens"], asked["batch_size"], drift=False)
        _generate(model, tokenizer, asked["prompts"], job, Pipe(os.dup(events.fileno())))
        answers = read_outputs(path).answers
        return [answers[i].text for i in range(len(answers))]


def theirs(asked: dict[str, Any], model: Any, tokenizer: Any) -> list[str]:
    """Answer by one call of mlx_lm.generate after the other."""
    from mlx_lm import generate

    limit = asked["max_tokens"]
    return [generate(model, tokenizer, prompt, max_tokens=limit) for prompt in asked["prompts"]]


SIDES = {"mlxr": ours, "mlx_lm": theirs}


def side(name: str, path: str) -> None:
    """Answer the prompts of a file in this process; write seconds and texts."""
    from mlx_lm import load

    begin = time.perf_counter()
    asked = json.loads(Path(path).read_text())
    model, tokenizer = load(str(MODEL), adapter_path=asked["adapter"])
    SIDES[name]({**asked, "prompts": asked["prompts"][:2]}, model, tokenizer)  # kernels, caches
    found: Answers = {"loading": time.perf_counter() - begin}
    begin, worked = time.perf_counter(), time.process_time()
    found["texts"] = SIDES[name](asked, model, tokenizer)
    found["seconds"] = time.perf_counter() - begin
    found["worked"] = time.process_time() - worked
    sys.stdout.write(json.dumps(found))


def near_ties(path: str, pairs: str) -> None:
    """Write for each pair of differing texts how far apart the first differing tokens were."""
    import mlx.core as mx
    from mlx_lm import load

    asked = json.loads(Path(path).read_text())
    model, tokenizer = load(str(MODEL), adapter_path=asked["adapter"])
    gaps = []
    for place, one, other in json.loads(pairs):
        a, b = (tokenizer.encode(text, add_special_tokens=False) for text in (one, other))
        a, b = ([*ids, tokenizer.eos_token_id] for ids in (a, b))
        at = next(i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
        logits = model(mx.array([asked["prompts"][place] + a[:at]]))[0, -1]
        gaps.append(abs(float(logits[a[at]].item()) - float(logits[b[at]].item())))
    sys.stdout.write(json.dumps(gaps))


def child(*arguments: str, folder: Path | None = None) -> str:
    """Return what a command with a child's environment writes; stop here where it fails."""
    done = subprocess.run(
        [sys.executable, *arguments], env=environment(), cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def prepared(folder: Path, count: int, iterations: int) -> dict[str, Any]:
    """Prepare the demo's rows, train an adapter, and return what both sides are asked."""
    from mlxr.compare.arms import longest_answer
    from mlxr.prep.tokens import load_tokenizer
    from mlxr.recipe import load

    child("-m", "mlxr", "prep", str(RECIPE), "-q", folder=folder)
    steps = ["--set", f"train.iters={iterations}", "--set", "train.val_batches=0"]
    child("-m", "mlxr", "train", str(RECIPE), "-q", *steps, folder=folder)
    recipe = load(RECIPE).recipe
    tokenizer = load_tokenizer(recipe)
    lines = (folder / "data" / recipe.name / "test.jsonl").read_text().splitlines()[:count]
    tokens = [tokenizer.encode(json.loads(line)["messages"]) for line in lines]
    return {
        "prompts": [each.prompt for each in tokens],
        "max_tokens": longest_answer([len(each.ids) - each.offset for each in tokens]),
        "batch_size": recipe.compare.batch_size,
        "adapter": str(next((folder / "adapters" / recipe.name).iterdir())),
    }


def report(title: str, path: Path, rounds: int) -> float:
    """Answer in turns; write medians, agreement and the ratio, and return that."""
    found: dict[str, list[Answers]] = {name: [] for name in SIDES}
    for _ in range(rounds):
        for name, answers in found.items():
            answers.append(json.loads(child(__file__, "--side", name, str(path))))
    medians = {
        what: {name: statistics.median(a[what] for a in all_) for name, all_ in found.items()}
        for what in ("seconds", "worked", "loading")
    }
    for name in SIDES:
        seconds, worked, loading = (by_name[name] for by_name in medians.values())
        say(f"  {name:7} {seconds:6.2f} s (processor {worked:.2f} s), loaded in {loading:.2f} s")
    one, other = (all_[0]["texts"] for all_ in found.values())
    differ = [(i, a, b) for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    gaps = json.loads(child(__file__, "--ties", str(path), json.dumps(differ)))
    near = sum(gap < NEAR for gap in gaps)
    ratio, worked = (medians[w]["mlx_lm"] / medians[w]["mlxr"] for w in ("seconds", "worked"))
    say(
        f"  {title}: {ratio:.2f} times as fast (processor {worked:.2f}); of {len(one)} texts"
        f" {len(one) - len(differ)} are equal, {near} differ in a near-tie,"
        f" {len(differ) - near} otherwise"
    )
    return ratio if near == len(differ) else 0.0


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Print the figures; return 1 if the bar is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=60)
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = prepared(folder, options.prompts, options.iterations)
        say(f"{len(asked['prompts'])} prompts, answers of up to {asked['max_tokens']} tokens,"
            f" batches of {asked['batch_size']}")  # fmt: skip
        ratios = []
        for title, adapter in (("base", None), ("adapter", asked["adapter"])):
            path = folder / f"{title}.json"
            path.write_text(json.dumps(asked | {"adapter": adapter}))
            ratios.append(report(title, path, options.rounds))
    return int(min(ratios) < BAR)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        side(*sys.argv[2:])
    elif sys.argv[1:2] == ["--ties"]:
        near_ties(*sys.argv[2:])
    else:
        sys.exit(main())
