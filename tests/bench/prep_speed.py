"""How fast `mlxr prep` is beside the usual script, and beside the tokenizer alone.

    python tests/bench/prep_speed.py [--rows FILE.jsonl] [--model FOLDER] [--count 60000]

The usual script maps `datasets` over the rows with apply_chat_template, once for the text and
once for the length, and writes them with to_json. Both get the same rows of function calling:
those of FILE (columns query, tools, answers), or made-up ones, varied to `count`. Near-duplicates
are searched in a run of their own. Rates are rows a second of the whole process, start included.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WORDS = (
    "amber birch cobalt dune ember fjord glade heron indigo jetty kelp lumen marsh nectar".split()
)
TEMPLATE = """{% block prompt %}
You can call these tools:
{{ tools }}

{{ query }}
{% endblock %}
{% block completion %}
{{ answers }}
{% endblock %}
"""
RECIPE = """model = "{model}"
[data]
source = "rows.jsonl"
template = "call.jinja"
[data.splits]
near_duplicates = {near}
[train]
max_seq_length = 8192
"""
USUAL = """
import sys
from datasets import load_dataset
from transformers import AutoTokenizer
model, source, target = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(model)

def convert(row):
    prompt = "You can call these tools:\\n" + row["tools"].strip() + "\\n\\n" + row["query"].strip()
    messages = [
        {"role": "user", "content": prompt.strip()},
        {"role": "assistant", "content": row["answers"].strip()},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False)
    tokens = len(tokenizer.apply_chat_template(messages, return_dict=False))
    return {"messages": messages, "text": text, "tokens": tokens}

rows = load_dataset("json", data_files=source, split="train")
rows.map(convert, remove_columns=rows.column_names).to_json(target)
"""
ALONE = """
import json, sys, time
from transformers import AutoTokenizer
model, written = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(model)
texts = [json.loads(line)["text"] for line in open(written, encoding="utf-8")]
began = time.perf_counter()
for start in range(0, len(texts), 256):
    tokenizer.backend_tokenizer.encode_batch_fast(texts[start : start + 256])
print(len(texts) / (time.perf_counter() - began))
"""


def made_up() -> Iterator[dict[str, Any]]:
    """Yield rows of function calling that nobody wrote."""
    rng = random.Random(7)
    while True:
        names = rng.sample([f"{a}_{b}" for a in WORDS for b in WORDS], 6)
        tools = [
            {"name": n, "description": " ".join(rng.choices(WORDS, k=20)), "parameters": {n: {}}}
            for n in names
        ]
        call = [{"name": names[0], "arguments": {names[0]: rng.choice(WORDS)}}]
        query = " ".join(rng.choices(WORDS, k=25))
        yield {"query": query, "tools": json.dumps(tools), "answers": json.dumps(call)}


def varied(source: Path | None, count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` rows, no two with the same query."""
    rng = random.Random(1)
    given = source and [json.loads(line) for line in source.open(encoding="utf-8")]
    endless = made_up()
    for number in range(count):
        row = dict(given[number % len(given)]) if given else next(endless)
        row["query"] += f" Mind {' '.join(rng.choices(WORDS, k=12))} and {number}."
        yield row


def run(*command: str, folder: Path) -> tuple[float, int, str]:
    """Return seconds, peak memory in MB and output of a command."""
    began = time.perf_counter()
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=null, text=True) as child:
        output = child.stdout.read() if child.stdout else ""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command[:4]} failed")
    return time.perf_counter() - began, usage.ru_maxrss // 1024, output


def prep(folder: Path, model: Path, near: bool) -> tuple[float, int]:
    """Return seconds and peak memory of one `mlxr prep`."""
    recipe = RECIPE.format(model=model, near=str(near).lower())
    (folder / "bench.toml").write_text(recipe)
    seconds, memory, _ = run(
        sys.executable, "-m", "mlxr", "prep", "bench.toml", "-q", folder=folder
    )
    return seconds, memory


def same(folder: Path) -> bool:
    """Tell whether both wrote the same messages with the same token counts."""
    ours: set[tuple[str, int]] = set()
    for split in ("train", "valid", "test"):
        with (folder / "data" / "bench" / f"{split}.jsonl").open(encoding="utf-8") as lines:
            for record in map(json.loads, lines):
                ours.add((json.dumps(record["messages"]), record["mlxr"]["tokens"]))
    with (folder / "usual.jsonl").open(encoding="utf-8") as lines:
        return ours == {(json.dumps(r["messages"]), r["tokens"]) for r in map(json.loads, lines)}


def main() -> None:
    """Print rates, their ratio, memory, and whether the output is the same."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--model", type=Path, default=ROOT / "data" / "demo" / "model")
    parser.add_argument("--count", type=int, default=60_000)
    parser.add_argument("--alone", action="store_true", help="only mlxr prep, for its memory")
    given = parser.parse_args()
    model = given.model.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "call.jinja").write_text(TEMPLATE)
        with (folder / "rows.jsonl").open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in varied(given.rows, given.count))
        seconds, memory = prep(folder, model, near=False)
        rate = given.count / seconds
        say(f"mlxr prep, {given.count:,} rows", f"{rate:,.0f} rows/s, peak {memory:,} MB")
        if not given.alone:
            beside(folder, model, given.count, rate)
        near, memory = prep(folder, model, near=True)
        more = f"{near - seconds:.0f} s more, peak {memory:,} MB"
        say("  with the near-duplicate search", more)


def beside(folder: Path, model: Path, count: int, rate: float) -> None:
    """Print what the usual script and the tokenizer alone take for the same rows."""
    usual, memory, _ = run(
        sys.executable, "-c", USUAL, str(model), "rows.jsonl", "usual.jsonl", folder=folder
    )
    say("the usual script", f"{count / usual:,.0f} rows/s, peak {memory:,} MB")
    say("ratio", f"{rate * usual / count:.2f}; the same output: {same(folder)}")
    _, _, alone = run(sys.executable, "-c", ALONE, str(model), "usual.jsonl", folder=folder)
    say(
        "the tokenizer alone", f"{float(alone):,.0f} rows/s; prep reaches {rate / float(alone):.0%}"
    )


def say(what: str, figures: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{what:34} {figures}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
