"""What compare.json says beside the metrics: leaks, what was forgotten, what a judge prefers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from mlxr.compare.entries import estimate_entry, interval_entry, metric_entry
from mlxr.compare.judge import Judgement
from mlxr.compare.probes.probe import probes_sha256
from mlxr.compare.refereed import Refereed


def leaks_entry(judgement: Judgement) -> dict[str, Any]:
    """Return which samples training has seen, and the primary metric on the others."""
    leaks, clean = judgement.leaks, judgement.clean
    if leaks is None:
        return {"checked": False}
    kept = clean.results[:1] if clean and clean.headline else ()
    return {
        "checked": True,
        "share": leaks.share,
        **asdict(leaks),
        "headline": "unseen" if leaks.many else "all",
        "unseen": metric_entry(kept[0], judgement.primary.name) if kept else None,
    }


def forgetting_entry(judgement: Judgement) -> dict[str, Any] | None:
    """Return what was measured beside the task; None where nothing was."""
    found = judgement.forgetting
    if found is None:
        return None
    return {
        "probes_sha256": probes_sha256(),
        "metrics": [metric_entry(result, judgement.primary.name) for result in found.results],
        "drift": found.drift and estimate_entry(found.drift),
        "notes": list(found.notes),
    }


def probe_lines(judgement: Judgement) -> Iterator[dict[str, Any]]:
    """Yield the lines of forgetting.jsonl: each simple instruction and what both arms wrote."""
    for each in judgement.forgetting.answers if judgement.forgetting else ():
        yield {
            "id": each.instruction.id,
            "prompt": each.instruction.prompt,
            "check": each.instruction.check,
            "value": each.instruction.value,
            "base": {"output": each.base, "passed": each.base_passed},
            "tuned": {"output": each.tuned, "passed": each.tuned_passed},
        }


def judge_entry(found: Refereed | None) -> dict[str, Any] | None:
    """Return what a local model says of both arms; None where none was asked."""
    if found is None:
        return None
    tally = found.tally
    return {
        "model": found.model,
        "wins": tally.wins if tally else 0,
        "losses": tally.losses if tally else 0,
        "ties": tally.ties if tally else 0,
        "same": len(found.same),
        "errors": found.errors,
        "win_rate_adjusted": tally.win_rate if tally else None,
        "ci95": interval_entry(found.interval),
        "p": tally.p if tally else None,
        "consistency": found.consistency,
        "first_slot": found.first,
        "longer_by_words": found.longer,
        "notes": list(found.notes),
    }
