"""Which split a record falls into, and in what order it stands there.

What belongs together is a unit, and a unit is never divided: records of one row, rows with the
same prompt (but for case, width and white space) or nearly the same, rows of one `group`.

By shares, a unit's place follows from the seed and its own name alone, so that a row keeps its
split whatever else is in the source. Counts, and the shares of a stratum, fill the splits along
the same order: rows added later can move a unit only at their borders.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Protocol

from mlxr.files import json_line
from mlxr.forest import Forest
from mlxr.prep.conversation import Example, PlainText
from mlxr.prep.proportion import shared
from mlxr.recipe import Splits
from mlxr.values import normalise
from mlxr.workspace import SPLITS

Assigned = list[str | None]
"""A split for each record, or None where it is in no split."""


class Member(Protocol):
    """What a record's split depends on."""

    row: int
    last: bool
    key: str
    group: str | None


def overlap_key(example: Example) -> str:
    """Return what two records share when their prompts are the same example."""
    if isinstance(example, PlainText):
        return _digest([example.text])
    parts = [json_line(example.tools)]
    for message in example.messages[:-1]:
        rest = {key: value for key, value in message.items() if key not in ("role", "content")}
        parts += [message["role"], message["content"] or "", json_line(rest) if rest else "{}"]
    return _digest(parts)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(map(normalise, parts)).encode()).hexdigest()[:32]


def rank(seed: int, *words: str) -> int:
    """Return a number below 2^64 that is random, but the same for the same seed and words."""
    digest = hashlib.sha256("\0".join([str(seed), *words]).encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest()[:8])


def units(members: Sequence[Member], near: Mapping[int, int]) -> list[str]:
    """Return the name of each record's unit.

    `near` gives, for a record that is nearly the same as others, a number that they share. An
    expanded conversation goes by its last record: that two begin alike binds them to nothing.
    """
    forest = Forest(len(members))
    first: dict[Hashable, int] = {}
    for place, member in enumerate(members):
        for bond in _bonds(member, near.get(place)):
            forest.unite(first.setdefault(bond, place), place)
    names: dict[int, str] = {}
    roots = list(map(forest.root, range(len(members))))
    for root, member in zip(roots, members, strict=True):
        if member.last:
            name = member.key if member.group is None else f"group {member.group}"
            names[root] = min(names.get(root, name), name)
    return [names.get(root) or member.key for root, member in zip(roots, members, strict=True)]


def _bonds(member: Member, near: int | None) -> list[Hashable]:
    bonds: list[Hashable] = [member.row]
    if member.last:
        bonds.append(member.key)
        if near is not None:
            bonds.append(("near", near))
    if member.group is not None:
        bonds.append(("group", member.group))
    return bonds


def divide(
    names: Sequence[str], splits: Splits, seed: int, strata: Sequence[str | None] | None = None
) -> Assigned:
    """Return the split of each record by shares or counts; equal names get the same one.

    With `strata`, one for each record, every stratum is divided in the same proportion. A unit
    of several strata counts for the commonest.
    """
    sizes = Counter(names)
    groups = {"": list(sizes)} if strata is None else _by_stratum(names, strata)
    chosen: dict[str, str] = {}
    if isinstance(splits.train, float):
        for stratum, group in groups.items():
            if strata is None:
                points = {name: rank(seed, "split", name) / 2**64 for name in group}
            else:
                points = _spread(group, sizes, seed, stratum)
            placed = {name: _at(point, splits) for name, point in points.items()}
            chosen |= {name: split for name, split in placed.items() if split}
    else:
        rooms = _rooms(list(groups.values()), sizes, splits)
        for group, room in zip(groups.values(), rooms, strict=True):
            chosen |= _by_count(group, sizes, room, seed)
    return [chosen.get(name) for name in names]


def _by_stratum(names: Sequence[str], strata: Sequence[str | None]) -> dict[str, list[str]]:
    """Return the names of each stratum's units."""
    votes: dict[str, Counter[str]] = {}
    for name, stratum in zip(names, strata, strict=True):
        votes.setdefault(name, Counter())[stratum or ""] += 1
    groups: dict[str, list[str]] = {}
    for name, vote in votes.items():
        stratum = min(vote, key=lambda each: (-vote[each], each))
        groups.setdefault(stratum, []).append(name)
    return {stratum: groups[stratum] for stratum in sorted(groups)}


def _order(names: Iterable[str], seed: int) -> list[str]:
    return sorted(names, key=lambda name: (rank(seed, "split", name), name))


def _spread(
    names: Sequence[str], sizes: Mapping[str, int], seed: int, stratum: str
) -> dict[str, float]:
    """Return a point from 0 to 1 for each name, evenly spread by size along their order.

    Where they begin differs by stratum, so that small ones do not all leave out the same split.
    """
    whole, before = sum(sizes[name] for name in names), rank(seed, "stratum", stratum) / 2**64
    points = {}
    for name in _order(names, seed):
        points[name] = (before + sizes[name] / whole / 2) % 1
        before += sizes[name] / whole
    return points


def _at(point: float, splits: Splits) -> str | None:
    """Return the split whose part of the line from 0 to 1 holds `point`."""
    edge = 0.0
    for split in SPLITS:
        edge += float(getattr(splits, split))
        if point < edge or edge > 1 - 1e-9:
            return split
    return None


def _rooms(
    groups: Sequence[Sequence[str]], sizes: Mapping[str, int], splits: Splits
) -> list[dict[str, int]]:
    """Return how many records of each group every split has room for."""
    parts = [float(sum(sizes[name] for name in group)) for group in groups]
    rooms = {split: shared(int(getattr(splits, split)), parts) for split in SPLITS}
    return [{split: rooms[split][i] for split in SPLITS} for i in range(len(groups))]


def _by_count(
    names: Sequence[str], sizes: Mapping[str, int], room: dict[str, int], seed: int
) -> dict[str, str]:
    """Fill test from one end of the order, valid from the other, train with what is between."""
    order = _order(names, seed)
    chosen: dict[str, str] = {}
    for split, line in (("test", order), ("valid", order[::-1]), ("train", order)):
        for name in line:
            if name not in chosen and sizes[name] <= room[split]:
                chosen[name] = split
                room[split] -= sizes[name]
    return chosen


def without_overlap(names: Sequence[str], given: Sequence[str | None]) -> Assigned:
    """Return `given` splits less the copies: test keeps a name before valid, valid before train."""
    owner: dict[str, str] = {}
    for split in SPLITS:  # a later split takes the name from an earlier one
        owner |= {name: split for name, own in zip(names, given, strict=True) if own == split}
    return [own if owner.get(name) == own else None for name, own in zip(names, given, strict=True)]


def repeated(keys: Iterable[str]) -> set[str]:
    """Return the keys that more than one record has."""
    return {key for key, count in Counter(keys).items() if count > 1}
