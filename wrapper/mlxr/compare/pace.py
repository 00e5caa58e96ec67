"""How fast base and tuned answer one prompt after the other: `mlxr compare --bench`.

The batches of a comparison run one arm after the other, on a machine that may slow down between:
their speed only describes. Here a few prompts are answered by both in turns, and the ratio of
their speeds has an interval. An adapter that is not fused takes matrix products of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mlxr.compare.arms import Request, nearest_rank
from mlxr.compare.choice import spread
from mlxr.compare.intervals import student_t
from mlxr.compare.outputs import identity
from mlxr.compare.stopwatch import Lap, Settings
from mlxr.errors import MlxrError
from mlxr.events import Display, Step
from mlxr.files import file_sha256, read_json, read_jsonl, reading, sha256, write_json, write_jsonl
from mlxr.loaded import ARMS
from mlxr.process import run_child
from mlxr.provenance import versions
from mlxr.trained import adapter_config
from mlxr.workspace import Adapter

PROMPTS = 5
ROUNDS = 3
LONGEST = 128
"""Tokens of an answer, at most."""
LAPS = "bench.jsonl"
KEY = "bench.json"
"""What the laps are of, as a hash."""


def measure(request: Request, adapter: Adapter, display: Display) -> dict[str, Any]:
    """Return what compare.json says of the pace, and keep it; the child logs beside the reports.

    Raises MlxrError when the child fails.
    """
    folder = adapter.compare
    prompts, output = folder / "bench.in.jsonl", folder / LAPS
    chosen = _prompts(request)
    write_jsonl(prompts, ({"ids": ids} for ids in chosen))
    settings = Settings(
        model=request.model,
        adapter=str(adapter.folder),
        trust_remote_code=request.trust_remote_code,
        prompts=str(prompts),
        output=str(output),
        max_tokens=min(LONGEST, request.max_tokens),
        rounds=ROUNDS,
    )
    display.show(Step(f"Timing base and tuned in turns: {len(chosen)} prompts"))
    (folder / KEY).unlink(missing_ok=True)
    try:
        log = folder / "bench.log"
        run_child("mlxr.compare.stopwatch", asdict(settings), log, display, "Timing failed")
    finally:
        prompts.unlink()
    write_json(folder / KEY, _key(request, adapter))
    return _read(adapter)


def kept(request: Request, adapter: Adapter) -> dict[str, Any] | None:
    """Return what was measured before of these very weights and prompts, if that is still whole."""
    key, laps = adapter.compare / KEY, adapter.compare / LAPS
    if not key.is_file() or not laps.is_file():
        return None
    try:
        return _read(adapter) if read_json(key) == _key(request, adapter) else None
    except MlxrError:  # damaged; to be measured again costs only time
        return None


def _prompts(request: Request) -> list[list[int]]:
    ordered = sorted((list(p.ids[: p.offset]) for p in request.prompts), key=len)
    return [ordered[place] for place in spread(len(ordered), PROMPTS)]


def _key(request: Request, adapter: Adapter) -> str:
    about = [identity(request.model), _prompts(request), request.max_tokens]
    return sha256([*about, file_sha256(adapter.weights), versions()])


def _read(adapter: Adapter) -> dict[str, Any]:
    fused = adapter_config(adapter).get("fine_tune_type") == "full"
    path = adapter.compare / LAPS
    rows = list(read_jsonl(path))
    with reading(path):
        return pace([Lap(**row) for row in rows], fused=fused)


def pace(laps: Sequence[Lap], *, fused: bool = False) -> dict[str, Any]:
    """Return each arm's figures, and the ratio of their speeds of writing with its interval.

    `fused` tells whether what was trained is part of the weights.
    """
    places = sorted({lap.place for lap in laps})
    return {
        "prompts": len(places),
        "rounds": len(laps) // (len(ARMS) * len(places)),
        "fused": fused,
        "arms": {arm: _arm([lap for lap in laps if lap.arm == arm]) for arm in ARMS},
        "ratio": _ratio(laps, places),
    }


def _arm(laps: Sequence[Lap]) -> dict[str, Any]:
    firsts = [lap.first_seconds for lap in laps]
    wholes = [lap.first_seconds + lap.decode_seconds for lap in laps]
    return {
        "first_token_seconds": _spread(firsts),
        "seconds": _spread(wholes),
        "prompt_tokens_per_second": sum(lap.prompt_tokens for lap in laps) / sum(firsts),
        "tokens_per_second": _speed(laps),
        "too_short": sum(lap.tokens < 2 for lap in laps),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": nearest_rank(values, 0.5), "p95": nearest_rank(values, 0.95)}


def _speed(laps: Sequence[Lap]) -> float | None:
    """Return tokens after the first by seconds since it; None where no answer had any."""
    longer = [lap for lap in laps if lap.tokens > 1]
    seconds = sum(lap.decode_seconds for lap in longer)
    return sum(lap.tokens - 1 for lap in longer) / seconds if seconds else None


def _ratio(laps: Sequence[Lap], places: Sequence[int]) -> dict[str, float] | None:
    """Return tuned : base with its 95 % interval, by the jackknife over the prompts.

    Tukey's pseudo-values of the ratio's logarithm, one for each prompt left out, have Student's
    interval; so the ratio is that of the two speeds beside it. None where fewer than two prompts
    got answers of two tokens from both.
    """
    both = [p for p in places if _log_ratio([lap for lap in laps if lap.place == p]) is not None]
    whole = _log_ratio(laps)
    if len(both) < 2 or whole is None:
        return None
    without = [_log_ratio([lap for lap in laps if lap.place != place]) for place in both]
    n = len(both)
    pseudo = [n * whole - (n - 1) * each for each in without if each is not None]
    interval = student_t(pseudo)
    half = (interval.high - interval.low) / 2
    ends = {"low": math.exp(whole - half), "high": math.exp(whole + half)}
    return {"value": math.exp(whole), **ends}


def _log_ratio(laps: Sequence[Lap]) -> float | None:
    """Return log(tuned : base) of the speeds; None where one of them has none."""
    base, tuned = (_speed([lap for lap in laps if lap.arm == arm]) for arm in ARMS)
    return math.log(tuned / base) if base and tuned else None


def line(found: Mapping[str, Any]) -> str:
    """Return the pace in a sentence."""
    said = [_said(name, arm) for name, arm in found["arms"].items()]
    if ratio := found["ratio"]:
        interval = f"95 % interval {ratio['low']:.2f} … {ratio['high']:.2f}"
        said.append(f"tuned writes {ratio['value']:.2f} times as fast as base ({interval})")
    times = f"{found['prompts']} prompts, {found['rounds']} times each"
    return "; ".join([*said, times if found["fused"] else f"{times}, the adapter not fused"])


def _said(name: str, arm: Mapping[str, Any]) -> str:
    speed = arm["tokens_per_second"]
    first = f"{1000 * arm['first_token_seconds']['median']:,.0f} ms to the first token"
    return f"{name} {first}" + (f", {speed:,.0f} tokens/s" if speed else "")
