"""How long 10,000 stored rows take to be scored and reported, and a page of 1,000 to open.

python tests/bench/report_speed.py [ROWS]

Tasks that are judged by likelihood are given one, which files of outputs do not hold.

Each task runs in a process of its own, so that its peak memory is its own. Bars: under 60 s and
1 GB (10^9 bytes); the page of 1,000 rows under 2 s, where there is a Chromium.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlxr.compare.case import Case
from mlxr.compare.comparison import Comparison, finish
from mlxr.compare.document import Origin, document
from mlxr.compare.judge import judge
from mlxr.compare.predictions import read_predictions
from mlxr.compare.stored import compare_stored, rules_of
from mlxr.events import Silent
from mlxr.recipe import Compare

LIKELIHOOD = ("copy", "preference")
ROWS, SECONDS, BYTES, OPENS = 10_000, 60.0, 1e9, 2.0
WORDS = (
    "the cat sat on a mat while seven small birds sang of rain in May and nobody listened but "
    "a dog that had come from town with 3 letters for the mayor"
).split()
Made = tuple[str, str]


def extraction(i: int, rng: random.Random) -> Made:
    """Return an expected record of eight fields, and one with some of them wrong."""
    due = {f"field{k}": f"value {i} {k}" if (i + k) % 4 else None for k in range(8)}
    made = {k: "wrong" if rng.random() < 0.3 else v for k, v in due.items()}
    return json.dumps(due), json.dumps(made)


def tools(i: int, rng: random.Random) -> Made:
    """Return an expected list of calls, and one with an argument wrong."""
    due = [{"name": f"tool{k}", "arguments": {"city": f"town {i}", "n": k}} for k in range(2)]
    made = json.loads(json.dumps(due))
    made[0]["arguments"]["n"] += rng.random() < 0.4
    return json.dumps(due), json.dumps(made)


def text(i: int, rng: random.Random) -> Made:
    """Return an expected sentence, and one that is sometimes it."""
    due = f"{' '.join(rng.choices(WORDS, k=20))} {i}"
    return due, due if rng.random() < 0.5 else " ".join(rng.choices(WORDS, k=20))


def summary(i: int, rng: random.Random) -> Made:
    """Return an expected summary of 50 words, and another."""
    due = f"{' '.join(rng.choices(WORDS, k=50))} {i}"
    return due, " ".join([*due.split()[:25], *rng.choices(WORDS, k=25)])


def preference(i: int, rng: random.Random) -> Made:
    """Return an answer that is wanted or not, every prompt having one of each, and another."""
    due = " ".join(rng.choices(WORDS, k=20))
    return due, f"{due} {i}"


TASKS: dict[str, Callable[[int, random.Random], Made]] = {
    "extraction": extraction,
    "tools": tools,
    "text": text,
    "summary": summary,
    "copy": summary,
    "preference": preference,
}


def files(task: str, rows: int, folder: Path) -> tuple[Path, Path]:
    """Write the stored outputs of two arms."""
    paths = folder / "base.jsonl", folder / "tuned.jsonl"
    for seed, path in enumerate(paths):
        rng, truth = random.Random(seed), random.Random(9)
        with path.open("w", encoding="utf-8") as stream:
            for i in range(rows):
                due = TASKS[task](i, truth)[0]
                made = TASKS[task](i, rng)[1] if task != "text" or rng.random() < 0.5 else due
                row: dict[str, Any] = {"id": f"s{i}", "prompt": f"Sum up {i}: {due} {due}",
                                       "expected": due, "output": made}  # fmt: skip
                if task == "preference":
                    row |= {"category": ("false", "true")[i % 2], "cluster": f"c{i // 2}"}
                stream.write(json.dumps(row) + "\n")
    return paths


def compare_likely(paths: tuple[Path, Path], rules: Compare, folder: Path, seed: int) -> Comparison:
    """Judge stored outputs as if the likelihood of their targets had been measured."""
    found, rng = read_predictions(*paths, {}), random.Random(seed)
    base, tuned = (
        [replace(o, nll=rng.gauss(60, 9), target_tokens=15 + i % 40) for i, o in enumerate(arm)]
        for arm in (found.base, found.tuned)
    )
    case = Case(found.samples, base, tuned, [], rules, seed, found.prompts)
    judgement = judge(case)
    return finish(
        folder, document(Origin("made up", {"split": None}, {"seed": seed}), judgement), judgement
    )


def one(task: str, rows: int) -> None:
    """Print for a task: seconds, the processor's, peak memory and size of the page in bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = files(task, rows, folder)
        rules, seed = rules_of(None, task)
        begin, worked = time.perf_counter(), time.process_time()
        if task in LIKELIHOOD:
            made = compare_likely(paths, rules, folder / "out", seed)
        else:
            made = compare_stored(paths, (), rules, folder / "out", Silent(), seed=seed)
        seconds, worked = time.perf_counter() - begin, time.process_time() - worked
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        size = made.report.stat().st_size
        opened = opens(made.report) if rows <= 1000 else None
    scale = 1 if sys.platform == "darwin" else 1024
    say(json.dumps([seconds, worked, peak * scale, size, opened]))


def opens(page: Path) -> float | None:
    """Return the seconds until a page shows its samples; None without a Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        begin = time.perf_counter()
        tab.goto(page.as_uri() + "#all")
        tab.locator(".head").first.wait_for()
        seconds = time.perf_counter() - begin
        browser.close()
    return seconds


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(rows: int) -> int:
    """Measure every task; return 1 where a bar is missed."""
    missed = 0
    for task in TASKS:
        for count in (rows, min(rows, 1000)):
            command = [sys.executable, __file__, task, str(count)]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds, worked, peak, size, opened = json.loads(out.splitlines()[-1])
            shown = "" if opened is None else f", opens in {opened:.2f} s"
            say(
                f"{task:10} {count:6,} rows {seconds:6.1f} s (processor {worked:.1f} s),"
                f" {peak / 1e9:.2f} GB, page {size / 1e6:.1f} MB{shown}"
            )
            missed += seconds > SECONDS or peak > BYTES or (opened or 0) > OPENS
    return int(missed > 0)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        one(sys.argv[1], int(sys.argv[2]))
    else:
        sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else ROWS))
