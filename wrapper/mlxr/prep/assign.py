"""Gives each record its split, and counts what stood in the way: copies and undesirable answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from mlxr.errors import MlxrError
from mlxr.near import Sketches
from mlxr.prep.audit.tally import Tally
from mlxr.prep.entry import Entry, Spool
from mlxr.prep.split import Assigned, divide, repeated, units, without_overlap
from mlxr.recipe import Data, Recipe, Splits


def assign(entries: Sequence[Entry], recipe: Recipe, tally: Tally, spool: Spool) -> None:
    """Give each record its split, equal and nearly equal prompts on one side."""
    splits = recipe.data.splits
    _check_columns(entries, recipe.data)
    near = near_groups(entries, spool) if splits.near_duplicates else {}
    divided = _divided(entries, units(entries, near), splits, recipe.seed)
    assigned = without_overlap([entry.key for entry in entries], divided)
    named = isinstance(splits.train, str)
    given = [entry.split for entry in entries] if named else divided
    _tally_overlap(entries, given, assigned, near, tally)
    for entry, split in zip(entries, assigned, strict=True):
        entry.split = split
    if recipe.data.undesirable == "test":
        _keep_to_test(entries)


def _check_columns(entries: Sequence[Entry], data: Data) -> None:
    """Raise MlxrError on a column that the recipe names and no row has."""
    asked = {
        "data.splits.group": (data.splits.group, "group"),
        "data.splits.stratify": (data.splits.stratify, "stratum"),
        "data.label": (data.label, "desirable"),
    }
    for key, (column, attribute) in asked.items():
        if column and entries and all(getattr(each, attribute) is None for each in entries):
            raise MlxrError(f"{key}: no row has a value in a column '{column}'.", f"Correct {key}.")


def _divided(entries: Sequence[Entry], names: Sequence[str], splits: Splits, seed: int) -> Assigned:
    if isinstance(splits.train, str):
        return without_overlap(names, [entry.split for entry in entries])
    strata = [entry.stratum for entry in entries] if splits.stratify else None
    return divide(names, splits, seed, strata)


def _keep_to_test(entries: Sequence[Entry]) -> None:
    """Leave undesirable answers out of what is trained on or chosen by."""
    for entry in entries:
        if entry.desirable is False and entry.split != "test":
            entry.split = None


def near_groups(entries: Sequence[Entry], spool: Spool) -> dict[int, int]:
    """Return, for the places of records with nearly the same prompts, what each group shares.

    The prompts' system messages and tools do not count: rows of one kind often share them.
    """
    places = [place for place, entry in enumerate(entries) if entry.last]
    sketches = Sketches()
    for place in places:
        sketches.add(_said(spool, entries[place]))
    groups = sketches.groups(lambda index: _said(spool, entries[places[index]]))
    sizes = Counter(groups)
    return {place: group for place, group in zip(places, groups, strict=True) if sizes[group] > 1}


def _said(spool: Spool, entry: Entry) -> str:
    """Return what users and tools say in a record's prompt, or the plain text."""
    record = json.loads(spool.line(entry))
    if "text" in record:
        return str(record["text"])
    before = record["messages"][:-1]
    return "\n".join(m["content"] or "" for m in before if m["role"] != "system")


def _tally_overlap(
    entries: Sequence[Entry],
    given: Assigned,
    assigned: Assigned,
    near: dict[int, int],
    tally: Tally,
) -> None:
    """Count the records whose prompt stands more than once, and what became of them.

    `given` are the source's own splits, or those that shares or counts gave.
    """
    again = repeated(entry.key for entry in entries if entry.last)
    named = any(entry.split for entry in entries)
    for place, (entry, before, split) in enumerate(zip(entries, given, assigned, strict=True)):
        if split != before:
            reason = f"left out of {before}, as a later split has it"
            tally.add("split-overlap", before, entry.place, reason)
        elif not named and split and entry.last and entry.key in again:
            tally.add("split-overlap", split, entry.place, "kept together in one split")
        elif not named and split and place in near:
            reason = "nearly the same, kept together in one split"
            tally.add("split-overlap", split, entry.place, reason)


def leave_out_known(
    made: Sequence[Entry], held_out: Sequence[Entry], spool: Spool, tally: Tally
) -> list[Entry]:
    """Return made-up training records less those whose prompt valid or test has, or nearly has."""
    keys = {entry.key for entry in held_out}
    both = [*held_out, *made]
    near = near_groups(both, spool)
    theirs = {near[place] for place in range(len(held_out)) if place in near}
    kept = []
    for place, entry in enumerate(made, start=len(held_out)):
        if entry.key in keys or near.get(place) in theirs:
            reason = "made by augmentation and left out, as valid or test has it"
            tally.add("split-overlap", "train", entry.place, reason)
        else:
            kept.append(entry)
    return kept
