"""Run every twin from prep to verdict, each with a control whose answers are permuted.

    python data/demo/twins.py [NAME …]

A twin must reach IMPROVED. Its control is tested on the same rows but trained on permuted ones:
the same prompts and answers, each answer under another row's prompt. Nothing can be learnt from
them but form, so the control must not reach IMPROVED. Of each are told the seconds by the clock
and those of computing, which other work on the machine lengthens less.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECIPES = HERE.parents[1] / "recipes" / "demo"
ANSWERS = {
    "calendar": "output",
    "chat": "conversations",
    "copywriting": "text",
    "function-calling": "answers",
    "summarization": "highlights",
}
"""Twin → the column with its answers; of a conversation, the last turn is meant."""

Place = tuple[str, int]
"""File and row, as a prepared record names them."""


@dataclass(frozen=True)
class Result:
    """How a twin or its control ended."""

    code: str
    figures: str
    seconds: float
    cpu_seconds: float


def source(name: str) -> Path:
    """Return the rows of a twin: a file, or a folder of splits."""
    folder = HERE / name
    return folder if folder.is_dir() else HERE / f"{name}.jsonl"


def tested(prepared: Path) -> set[Place]:
    """Return the places of the rows that a twin is tested on."""
    lines = (prepared / "test.jsonl").read_text(encoding="utf-8").splitlines()
    found = (json.loads(line)["mlxr"] for line in lines)
    return {(about["source"], about["row"]) for about in found}


def permute(rows: Path, target: Path, column: str, kept: set[Place], within: str = "") -> None:
    """Write `rows`, a file or a folder, with all answers but those of `kept` permuted."""
    if rows.is_dir():
        target.mkdir()
        for path in sorted(rows.glob("*.jsonl")):
            permute(path, target / path.name, column, kept, f"{rows.name}/")
        return
    values = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    order = [i for i in range(len(values)) if (within + rows.name, i + 1) not in kept]
    random.Random(2026).shuffle(order)
    answers = [_answer(row, column) for row in values]
    for here, there in zip(order, order[1:] + order[:1], strict=True):
        _put(values[here], column, answers[there])
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in values]
    target.write_text("".join(lines), encoding="utf-8")


def _answer(row: dict[str, Any], column: str) -> Any:
    return row[column][-1] if column == "conversations" else row[column]


def _put(row: dict[str, Any], column: str, answer: Any) -> None:
    row[column] = [*row[column][:-1], answer] if column == "conversations" else answer


def run(name: str, workspace: Path, *options: str) -> Result:
    """Prepare, train and compare, as a user would type it."""
    begin, before = time.perf_counter(), _computed()
    for command in ("prep", "train"):
        _mlxr([command, str(RECIPES / f"{name}.toml"), *options], workspace)
    said = json.loads(_mlxr(["compare", "--json"], workspace))
    primary = said["metrics"][0]
    base, tuned = (primary[arm]["value"] for arm in ("base", "tuned"))
    figures = f"{primary['name']} {base:.3f} → {tuned:.3f}, n = {primary['n']}"
    seconds, computed = time.perf_counter() - begin, _computed() - before
    return Result(said["verdict"]["code"], figures, seconds, computed)


def _computed() -> float:
    """Return the processor seconds of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _mlxr(arguments: list[str], workspace: Path) -> str:
    """Run a command; 3 and 4 are verdicts, not failures."""
    command = [sys.executable, "-m", "mlxr", *arguments]
    done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3, 4):
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def controlled(name: str) -> bool:
    """Run a twin and its control, print a line for each, and return whether both end rightly."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        twin = _told(name, run(name, workspace), improved=True)
        rows = workspace / "permuted" / source(name).name
        rows.parent.mkdir()
        permute(source(name), rows, ANSWERS[name], tested(workspace / "data" / f"demo-{name}"))
        options = ["--set", "name=permuted", "--set", f"data.source={rows}"]
        return _told("  permuted", run(name, workspace, *options), improved=False) and twin


def _told(label: str, result: Result, *, improved: bool) -> bool:
    right = (result.code == "IMPROVED") == improved
    mark = "ok " if right else "BAD"
    spent = f"{result.seconds:4.0f} s, {result.cpu_seconds:3.0f} s computing"
    print(f"{mark} {label:18} {result.code:24} {spent}  {result.figures}", flush=True)
    return right


def main() -> None:
    """Run the twins named, or all; exit with 1 if one does not end as it must."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=sorted(ANSWERS), metavar="NAME")
    ended = [controlled(name) for name in parser.parse_args().names]
    sys.exit(not all(ended))


if __name__ == "__main__":
    main()
