"""Which split a record falls into, and in what order it stands there.

By shares, a record's place follows from the seed and its own prompt alone, so that it keeps its
split whatever else is in the source. Counts fill test and valid from the two ends of the same
order: rows added later can move a record only at these borders. Prompts that are the same but
for case, width and white space always fall together.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from mlxr.files import json_line
from mlxr.prep.shapes import Conversation
from mlxr.recipe import Splits
from mlxr.workspace import SPLITS

Assigned = list[str | None]
"""A split for each record, or None where it is in no split."""


def overlap_key(conversation: Conversation) -> str:
    """Return what two records share when their prompts are the same example."""
    parts = [json_line(conversation.tools)]
    for message in conversation.messages[:-1]:
        rest = {key: value for key, value in message.items() if key not in ("role", "content")}
        parts += [message["role"], message["content"] or "", json_line(rest)]
    return hashlib.sha256("\0".join(map(_plain, parts)).encode()).hexdigest()[:32]


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def rank(seed: int, *words: str) -> int:
    """Return a number below 2^64 that is random, but the same for the same seed and words."""
    digest = hashlib.sha256("\0".join([str(seed), *words]).encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest()[:8])


def divide(keys: Sequence[str], splits: Splits, seed: int) -> Assigned:
    """Return the split of each record by shares or counts; equal keys get the same one."""
    if isinstance(splits.train, float):
        return [by_share(key, splits, seed) for key in keys]
    return _by_count(keys, splits, seed)


def by_share(key: str, splits: Splits, seed: int) -> str | None:
    """Return the split whose part of the line from 0 to 1 holds the key's point."""
    point, edge = rank(seed, "split", key) / 2**64, 0.0
    for split in SPLITS:
        edge += float(getattr(splits, split))
        if point < edge or edge > 1 - 1e-9:
            return split
    return None


def _by_count(keys: Sequence[str], splits: Splits, seed: int) -> Assigned:
    """Fill test from one end of the order, valid from the other, train with what is between."""
    sizes = Counter(keys)
    order = sorted(sizes, key=lambda key: (rank(seed, "split", key), key))
    chosen: dict[str, str] = {}
    for split, line in (("test", order), ("valid", order[::-1]), ("train", order)):
        room = int(getattr(splits, split))
        for key in line:
            if key not in chosen and sizes[key] <= room:
                chosen[key] = split
                room -= sizes[key]
    return [chosen.get(key) for key in keys]


def without_overlap(keys: Sequence[str], named: Sequence[str | None]) -> Assigned:
    """Return the source's own splits, less the copies: test keeps a prompt before valid, train."""
    owner: dict[str, str] = {}
    for split in SPLITS:  # a later split takes the key from an earlier one
        owner |= {key: split for key, own in zip(keys, named, strict=True) if own == split}
    return [own if owner.get(key) == own else None for key, own in zip(keys, named, strict=True)]


def repeated(keys: Iterable[str]) -> set[str]:
    """Return the keys that more than one record has."""
    return {key for key, count in Counter(keys).items() if count > 1}
