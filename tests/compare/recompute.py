"""A report's numbers once more, from samples.jsonl and with nothing of mlxr.

python tests/compare/recompute.py adapters/demo-calendar/0001/compare

Prints each number that differs; exits with 1 if any does.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist, fmean, stdev
from typing import Any

Z = NormalDist().inv_cdf(0.975)


def over(part: float, whole: float, nothing: float = 0.0) -> float:
    return part / whole if whole else nothing


def f1(s: list[float]) -> float:
    return over(2 * s[0], 2 * s[0] + 2 * s[1] + s[2] + s[3], 1.0)


def macro(s: list[float]) -> float:
    fields = [s[i : i + 4] for i in range(0, len(s), 4)]
    due = [f1(x) for x in fields if x[0] + x[1] + x[3]]
    return fmean(due) if due else float(not any(s))


RATIOS: dict[str, Callable[[list[float]], float]] = {
    "micro_f1": f1,
    "macro_f1": macro,
    "precision": lambda s: over(s[0], s[0] + s[1] + s[2], float(s[3] == 0)),
    "recall": lambda s: over(s[0], s[0] + s[1] + s[3], 1.0),
    "field_accuracy_incl_null": lambda s: over(s[0], s[1], 1.0),
    "call_f1": lambda s: over(2 * s[0], s[1] + s[2], 1.0),
    "call_precision": lambda s: over(s[0], s[1], float(not s[2])),
    "call_recall": lambda s: over(s[0], s[2], 1.0),
    "bits_per_byte": lambda s: s[0] / s[1] / math.log(2),
}
"""Sums to a number; any other ratio is the first sum over the second."""


def total(metric: dict[str, Any], values: list[Any]) -> float:
    name = metric["name"]
    if metric["kind"] == "ratio":
        sums = [sum(column) for column in zip(*values, strict=True)]
        return RATIOS[name](sums) if name in RATIOS else over(sums[0], sums[1])
    if metric["kind"] == "rank":
        highs, lows = ([x for x, high in values if high == side] for side in (1, 0))
        pairs = [(a > b) + (a == b) / 2 for a in highs for b in lows]
        return fmean(pairs)
    return fmean(values)


def wilson(k: float, n: float) -> tuple[float, float]:
    share, width = k / n, 1 + Z * Z / n
    half = Z / width * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    middle = (share + Z * Z / (2 * n)) / width
    return middle - half, middle + half


def newcombe(both: int, broken: int, fixed: int, neither: int) -> list[float]:
    """Newcombe (1998), method 10, of tuned minus base."""
    n = both + broken + fixed + neither
    one, other = (both + fixed) / n, (both + broken) / n
    (l1, u1), (l2, u2) = wilson(both + fixed, n), wilson(both + broken, n)
    cross = both * neither - broken * fixed
    less = cross - n / 2 if cross > n / 2 else min(cross, 0)
    area = (both + broken) * (fixed + neither) * (both + fixed) * (broken + neither)
    phi = less / math.sqrt(area) if area else 0
    low = (one - l1) ** 2 - 2 * phi * (one - l1) * (u2 - other) + (u2 - other) ** 2
    high = (other - l2) ** 2 - 2 * phi * (other - l2) * (u1 - one) + (u1 - one) ** 2
    return [one - other - math.sqrt(low), one - other + math.sqrt(high)]


def midp(broken: int, fixed: int) -> float:
    """McNemar's mid-p, two-sided, from the binomial coefficients themselves."""
    m, k = broken + fixed, min(broken, fixed)
    ways = 2.0**m
    tail, point = sum(math.comb(m, i) for i in range(k + 1)) / ways, math.comb(m, k) / ways
    return 2 * tail - point if broken != fixed else 1 - point * (m > 0)


def student(values: list[float], low: float, bounded: bool) -> list[float]:
    """Student's interval of a mean, by scipy; of a share, cut where shares end."""
    from scipy.stats import t

    error = stdev(values) / math.sqrt(len(values))
    half = float(t.ppf(0.975, len(values) - 1)) * error
    ends = [fmean(values) - half, fmean(values) + half]
    return [max(low, ends[0]), min(1.0, ends[1])] if bounded else ends


def holm(metrics: list[dict[str, Any]]) -> dict[str, float]:
    """The p of metrics that are tested beside the primary, adjusted for their number."""
    others = [m for m in metrics if not m["primary"] and not m["descriptive"]]
    found, highest = {}, 0.0
    for rank, m in enumerate(sorted(others, key=lambda m: m["delta"]["p"])):
        highest = max(highest, min(1.0, (len(others) - rank) * m["delta"]["p"]))
        found[f"{m['name']} p_holm"] = highest
    return found


def certain(metric: dict[str, Any], base: list[float], tuned: list[float]) -> dict[str, Any]:
    """Return what formulas give of a metric whose samples stand for themselves."""
    name = metric["name"]
    if metric["kind"] == "binary":
        ones = Counter(zip(base, tuned, strict=True))
        cells = [ones[1, 1], ones[1, 0], ones[0, 1], ones[0, 0]]
        arms = {f"{name} {arm} interval": list(wilson(sum(values), len(values)))
                for arm, values in (("base", base), ("tuned", tuned))}  # fmt: skip
        return {f"{name} interval": newcombe(*cells), f"{name} p": midp(*cells[1:3]), **arms}
    moved = [t - b for b, t in zip(base, tuned, strict=True)]
    bounded = not metric["unit"]
    return {
        f"{name} interval": student(moved, -1.0, bounded),
        f"{name} se": stdev(moved) / math.sqrt(len(moved)),
        f"{name} base interval": student(base, 0.0, bounded),
        f"{name} tuned interval": student(tuned, 0.0, bounded),
    }


def numbers(document: dict[str, Any], samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a report should say, by where it says it."""
    found: dict[str, Any] = {"data n": len(samples), **holm(document["metrics"])}
    for metric in document["metrics"]:
        name = metric["name"]
        kept = [s for s in samples if all(name in s[arm]["values"] for arm in ("base", "tuned"))]
        base, tuned = ([s[arm]["values"][name] for s in kept] for arm in ("base", "tuned"))
        found[f"{name} n"] = len(kept)
        found[f"{name} delta"] = total(metric, tuned) - total(metric, base)
        for arm in ("base", "tuned"):
            own = [s[arm]["values"][name] for s in samples if name in s[arm]["values"]]
            found[f"{name} {arm}"] = total(metric, own)
        if metric["kind"] == "binary":
            good = 1 if metric["higher_is_better"] else 0
            cells = Counter((b == good, t == good) for b, t in zip(base, tuned, strict=True))
            order = ((False, True), (True, False), (True, True), (False, False))
            found[f"{name} moved"] = [cells[key] for key in order]
        if _alone(metric) and len(kept) == len(samples):
            found |= certain(metric, base, tuned)
    primary = next(m for m in document["metrics"] if m["primary"])
    for each in document["slices"]:
        part = [s for s in samples if each["value"] == (
            s["category"] if each["slice"] == "category" else s["slices"].get(each["slice"]))
            and all(primary["name"] in s[arm]["values"] for arm in ("base", "tuned"))]  # fmt: skip
        for arm in ("base", "tuned"):
            values = [s[arm]["values"][primary["name"]] for s in part]
            found[f"{each['slice']}={each['value']} {arm}"] = total(primary, values)
    for field in document["fields"]:
        for arm in ("base", "tuned"):
            kinds = Counter(d["classes"][field] for s in samples if (d := s[arm]["detail"]))
            found[f"{field} {arm}"] = [kinds[k] for k in ("TP", "FD", "FA", "FN", "TN", "TN0")]
    for arm in ("base", "tuned") if document["errors"] else ():
        found[f"errors {arm}"] = dict(Counter(e for s in samples for e in s[arm]["errors"]))
    for arm in document["arms"]:
        found[f"tokens {arm}"] = sum(s[arm]["tokens"] for s in samples)
        found[f"truncated {arm}"] = sum(s[arm]["finish"] == "length" for s in samples)
    return found


def _alone(metric: dict[str, Any]) -> bool:
    """Whether a formula gives its interval: no clusters, no bootstrap."""
    return metric["kind"] in {"binary", "mean"} and metric["clusters"] == metric["n"] > 1


def said(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the report says, by where it says it."""
    found: dict[str, Any] = {"data n": document["data"]["n"]}
    for m in document["metrics"]:
        name, moved = m["name"], m["paired"]
        found |= {f"{name} n": m["n"], f"{name} delta": m["delta"]["value"]}
        found |= {f"{name} {arm}": m[arm]["value"] for arm in ("base", "tuned")}
        if m["kind"] == "binary":
            order = ("fixed", "broken", "both", "neither")
            found[f"{name} moved"] = [moved[key] for key in order]
        if not m["primary"] and not m["descriptive"]:
            found[f"{name} p_holm"] = m["delta"]["p_holm"]
        if _alone(m) and m["n"] == document["data"]["n"]:
            found[f"{name} interval"] = m["delta"]["ci95"]
            found |= {f"{name} {arm} interval": m[arm]["ci95"] for arm in ("base", "tuned")}
            what = "p" if m["kind"] == "binary" else "se"
            found[f"{name} {what}"] = m["delta"][what]
    for each in document["slices"]:
        found |= {f"{each['slice']}={each['value']} {arm}": each[arm] for arm in ("base", "tuned")}
    for field, arms in document["fields"].items():
        for arm, counts in arms.items():
            classes = ("tp", "fd", "fa", "fn", "tn", "unread")
            found[f"{field} {arm}"] = [counts[key] for key in classes]
    for arm in ("base", "tuned") if document["errors"] else ():
        found[f"errors {arm}"] = document["errors"][arm]
    for arm, cost in document["arms"].items():
        found |= {f"tokens {arm}": cost["tokens"], f"truncated {arm}": cost["truncated"]}
    return found


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other)


def differences(folder: Path) -> list[str]:
    """Return what the report says otherwise than its samples; empty if nothing."""
    document = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    lines = (folder / "samples.jsonl").read_text(encoding="utf-8").split("\n")
    ours, theirs = numbers(document, [json.loads(x) for x in lines if x]), said(document)
    if ours.keys() != theirs.keys():
        return [f"other numbers: {sorted(ours.keys() ^ theirs.keys())}"]
    return [f"{k}: {theirs[k]}, but {v} by the samples" for k, v in ours.items()
            if not same(v, theirs[k])]  # fmt: skip


if __name__ == "__main__":
    wrong = differences(Path(sys.argv[1]))
    sys.stdout.write("\n".join([*wrong, f"{len(wrong)} differences"]) + "\n")
    sys.exit(bool(wrong))
