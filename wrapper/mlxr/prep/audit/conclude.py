"""The audit: counts what is wrong with rows and splits, on the tokens that will be trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlxr.prep.audit.findings import FINDINGS, Finding, Level
from mlxr.prep.audit.tally import EXAMPLES, OTHER, Tally
from mlxr.prep.audit.targets import conclude_content
from mlxr.recipe import Recipe, Train
from mlxr.workspace import SPLITS

if TYPE_CHECKING:
    from mlxr.prep.entry import Entry

UNUSABLE = ("template-failed", "bad-row")


def tally_entries(entries: Sequence[Entry], tally: Tally, recipe: Recipe) -> None:
    """Count the findings of the records that are in a split, in the order of the source."""
    for entry in entries:
        if entry.split is not None:
            for code in entry.codes:
                tally.add(code, entry.split, entry.place, _reason(code, entry, recipe))


def _reason(code: str, entry: Entry, recipe: Recipe) -> str:
    train, turns = recipe.train, recipe.data.turns
    if code == "too-long" and train.too_long == "truncate":
        return "the last user message cut from the left"
    if code == "too-long":
        return "mlx-lm would cut off the end"
    if code == "no-target":
        cut = entry.tokens > train.max_seq_length
        return "the answer is cut off" if cut else "the mask covers the whole row"
    if code == "untrained-turns" and turns == "all":
        return "each answer is a record of its own"
    return ""


def conclude(entries: Sequence[Entry], tally: Tally, recipe: Recipe) -> tuple[Finding, ...]:
    """Return all findings, errors first; `entries` are the records in the order of writing.

    An entry whose split is None is in no file and counts for nothing here.
    """
    kept = [entry for entry in entries if entry.split is not None]
    found = [_of_rows(code, tally, recipe) for code in FINDINGS if tally.total(code)]
    found += [*_of_splits(kept, tally, recipe), *_remainder(kept, recipe.train)]
    as_read: list[Entry] = sorted(kept, key=lambda entry: entry.start)
    found += conclude_content(as_read)
    levels, codes = ("error", "warning", "info"), list(FINDINGS)
    found.sort(key=lambda finding: (levels.index(finding.level), codes.index(finding.code)))
    return tuple(found)


def stopping(findings: Sequence[Finding], allow: Sequence[str]) -> tuple[Finding, ...]:
    """Return the errors that the recipe does not allow."""
    return tuple(f for f in findings if f.level == "error" and f.code not in allow)


def _of_rows(code: str, tally: Tally, recipe: Recipe) -> Finding:
    """Return the finding about the rows that were tallied under `code`."""
    count = tally.total(code)
    message = f"{_share(count, tally.rows)}: {FINDINGS[code].meaning}"
    if code == "too-long":
        message += f" = {recipe.train.max_seq_length:,} (the longest has {tally.longest:,} tokens)"
    return Finding(
        code,
        _level(code, tally, recipe),
        f"{message}{_because(tally.reasons[code])}.",
        _counts(tally.counts[code]),
        tuple(tally.examples[code]),
        FINDINGS[code].fix,
    )


def _level(code: str, tally: Tally, recipe: Recipe) -> Level:
    """Return a row finding's level under this recipe."""
    if code in UNUSABLE:
        lost = sum(map(tally.total, UNUSABLE))
        return "error" if lost > recipe.data.max_bad_rows * tally.rows else "warning"
    if code == "too-long" and recipe.train.too_long == "error":
        return "error"
    if code == "untrained-turns" and recipe.data.turns == "all":
        return "info"
    return "warning" if code == "split-overlap" else FINDINGS[code].level


def _share(count: int, total: int) -> str:
    rows = "row" if total == 1 else "rows"
    return f"{count:,} of {total:,} {rows} ({100 * count / total:.1f} %)"


def _because(reasons: Counter[str]) -> str:
    named = [(reason, count) for reason, count in reasons.items() if reason not in ("", OTHER)]
    if not named:
        return ""
    named.sort(key=lambda item: (-item[1], item[0]))
    words = [f"{reason} ({count:,})" for reason, count in named[:EXAMPLES]]
    rest = reasons[OTHER] + sum(count for _, count in named[EXAMPLES:])
    return ": " + "; ".join([*words, f"other reasons ({rest:,})"] if rest else words)


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in (*SPLITS, "unsplit") if counts.get(name)}


def _of_splits(kept: Sequence[Entry], tally: Tally, recipe: Recipe) -> list[Finding]:
    """Return the findings about splits that are empty or too small."""
    sizes = Counter(entry.split for entry in kept)
    batch, findings = recipe.train.batch_size, []
    for split in SPLITS:
        asked = getattr(recipe.data.splits, split)
        if not sizes[split] and isinstance(asked, int) and 0 < len(kept) < asked:
            said = f"is empty: {_rows(len(kept))} in all, and test and valid are filled first"
            findings.append(_split("empty-split", split, 0, said))
        elif not sizes[split]:
            findings.append(_split("empty-split", split, 0, f"is empty{_lost(split, tally)}"))
        elif sizes[split] < batch:
            said = f"has {_rows(sizes[split])}, fewer than train.batch_size = {batch}"
            findings.append(_split("split-too-small", split, sizes[split], said))
        elif isinstance(asked, int) and sizes[split] < asked:
            said = f"has {_rows(sizes[split])} of the {asked:,} asked for{_lost(split, tally)}"
            findings.append(_split("split-too-small", split, sizes[split], said))
    return findings


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _split(code: str, split: str, size: int, said: str) -> Finding:
    kind = FINDINGS[code]
    return Finding(code, kind.level, f"{split} {said}.", {split: size}, (), kind.fix)


def _lost(split: str, tally: Tally) -> str:
    """Return why a split may lack rows: what was left out of it, or before there were splits."""
    if not tally.rows:
        return f": `where` holds for none of {_rows(tally.read)}"
    words = {
        "template-failed": "the template failed on",
        "bad-row": "could not be used",
        "too-long": "were too long",
        "split-overlap": "repeat a prompt of another split",
    }
    counts = {
        code: tally.counts.get(code, Counter())[split]
        + tally.counts.get(code, Counter())["unsplit"]
        for code in words
    }
    lost = [f"{words[code]}: {count:,}" for code, count in counts.items() if count]
    return f" (of {_rows(tally.rows)}, {'; '.join(lost)})" if lost else ""


def _remainder(kept: Sequence[Entry], train: Train) -> list[Finding]:
    """Return what plain mlx-lm would make of the splits as they are written."""
    sizes = Counter(entry.split for entry in kept)
    left = _counts({s: sizes[s] % train.batch_size for s in SPLITS})
    if not left:
        return []
    waste = padding([e.tokens for e in kept if e.split == "train"], train)
    kind = FINDINGS["remainder"]
    message = (
        f"{_share(sum(left.values()), len(kept))}: {kind.meaning}, as they do not fill a batch of "
        f"{train.batch_size}; {100 * waste:.0f} % of its positions would be padding."
    )
    return [Finding("remainder", kind.level, message, left, (), kind.fix)]


def padding(lengths: Sequence[int], train: Train) -> float:
    """Return the share of padded positions when rows are batched in this order.

    mlx_lm 0.32.2 pads a batch to 1 plus a multiple of 32 (trainer.py:159) and leaves the
    incomplete last batch out. 0 when there is no whole batch.
    """
    limit, size = train.max_seq_length, train.batch_size
    positions = filled = 0
    for start in range(0, len(lengths) - size + 1, size):
        batch = [min(length, limit) for length in lengths[start : start + size]]
        positions += size * min(1 + 32 * -(-max(batch) // 32), limit)
        filled += sum(batch)
    return 1 - filled / positions if positions else 0.0
