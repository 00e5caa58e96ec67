"""What differs between two runs; what is equal is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlxr.recipe.overlay import leaves
from mlxr.runs.show import Details

Differences = Mapping[str, tuple[Any, Any]]
"""By dotted key: the value in the one and in the other; None where it is absent."""


@dataclass(frozen=True)
class Diff:
    """Two runs beside each other."""

    one: str
    other: str
    parts: Mapping[str, Differences]
    """recipe, data, versions, machine, result; empty where nothing differs."""


def diff(one: Details, other: Details) -> Diff:
    """Return what differs between two runs."""
    sides = _sides(one), _sides(other)
    parts = {name: _differ(sides[0][name], sides[1][name]) for name in sides[0]}
    return Diff(one.run.name, other.run.name, {name: part for name, part in parts.items() if part})


def _sides(run: Details) -> dict[str, dict[str, Any]]:
    record = run.record
    data = {"all splits": record["data"]["sha256"]} | record["data"].get("files", {})
    return {
        "recipe": leaves(record["recipe"]),
        "data": data,
        "versions": dict(record["versions"]),
        "machine": dict(record.get("machine", {})) | leaves({"ranks": record.get("ranks", {})}),
        "result": _result(run),
    }


def _result(run: Details) -> dict[str, Any]:
    found = {"status": run.record["status"], **run.result}
    for verdict in run.verdicts[:1]:
        if not verdict.checkpoint and not verdict.outdated:
            found |= {"verdict": verdict.label, f"{verdict.metric} base": verdict.base}
            found[f"{verdict.metric} tuned"] = verdict.tuned
    return found


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> Differences:
    keys = dict.fromkeys([*one, *other])
    return {key: (one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)}
