"""Conclusions from all answers: what cannot be learned from them, or need not be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mlxr.prep.audit.answers import ARGUMENTS, TOOL
from mlxr.prep.audit.balance import imbalanced, test_too_small, undesirable
from mlxr.prep.audit.content import Content
from mlxr.prep.audit.fields import Fields, Variety
from mlxr.prep.audit.findings import Finding, Level
from mlxr.prep.audit.grounding import NULL
from mlxr.prep.audit.hits import BAR, FEWEST, Audited, Hits, listed

COMMON = 0.2
"""Share of rows from which answers in prompts are an error: it is the template, not the rows."""


def conclude_content(entries: Iterable[Audited]) -> list[Finding]:
    """Return the findings about what answers say, and about categories and the test split's size.

    A record whose split is None is in no file and counts for nothing.
    """
    kept = [entry for entry in entries if entry.split is not None]
    answered = [entry for entry in kept if entry.content]
    fields = Fields(answered)
    return [
        *_copied(answered),
        *_ungrounded(answered, fields),
        *_mostly_null(answered, fields),
        *_constant_answer(answered),
        *_constant_fields(answered, fields),
        *_conflicting(answered),
        *undesirable(answered),
        *imbalanced(kept),
        *test_too_small(kept),
    ]


def _hits(entries: Sequence[Audited], is_hit: Callable[[Content], bool]) -> Hits:
    hits = Hits()
    for entry in entries:
        if entry.content and is_hit(entry.content):
            hits.add(entry)
    return hits


def _copied(entries: Sequence[Audited]) -> list[Finding]:
    hits, rows = _hits(entries, lambda content: content.copied), len(entries)
    if not hits.matter(rows):
        return []
    level: Level = "error" if hits.total >= COMMON * rows else "warning"
    return [hits.finding("answer-in-prompt", rows, level=level)]


def _ungrounded(entries: Sequence[Audited], fields: Fields) -> list[Finding]:
    """Return the rows with a value that stands nowhere, in the fields where that is frequent."""
    rows = len(entries)
    shares = {
        name: field.flawed / field.variety.count
        for name, field in fields.named.items()
        if field.flawed >= max(FEWEST, BAR * rows)
    }
    if not shares:
        return []
    flaws = {name: fields.named[name].ungrounded for name in shares}
    hits = _hits(
        entries, lambda content: any(s in flaws.get(n, ()) for n, s, *_ in fields.of(content))
    )
    worst = sorted(shares, key=lambda name: (-shares[name], name))
    said = listed([f"{name} ({100 * shares[name]:.1f} % of those given)" for name in worst])
    return [hits.finding("ungrounded-target", rows, f"values occur nowhere in the prompt: {said}")]


def _mostly_null(entries: Sequence[Audited], fields: Fields) -> list[Finding]:
    hits, rows = (
        _hits(entries, lambda c: 2 * c.states.count(NULL) > len(c.states) > 1),
        len(entries),
    )
    if not hits.matter(rows):
        return []
    states = [field.states for field in fields.named.values()]
    score = sum(state[NULL] for state in states) / sum(map(sum, states))
    shares = {name: field.null for name, field in fields.named.items() if field.null}
    worst = sorted(shares, key=lambda name: (-shares[name], name))
    said = listed([f"{name} {100 * shares[name]:.1f} %" for name in worst], most=10)
    return [
        hits.finding(
            "mostly-null-target",
            rows,
            f"more than half of the answer's fields are null; answering null everywhere would be "
            f"right in {100 * score:.1f} % of all fields ({said})",
        )
    ]


def _constant_answer(entries: Sequence[Audited]) -> list[Finding]:
    variety, rows = Variety(), len(entries)
    for entry in entries:
        if entry.content:
            variety.add(entry.content.answer, entry.content.answer)
    hits = _hits(entries, lambda content: content.answer == variety.candidate)
    if not variety.is_constant(hits.total, rows):
        return []
    said = f"the answer is the same; always giving it would be right in {_percent(hits, rows)}"
    return [hits.finding("constant-target", rows, said)]


def _constant_fields(entries: Sequence[Audited], fields: Fields) -> list[Finding]:
    """Return the fields that nearly never change; a single tool is no flaw of its calls."""
    rows, hits = len(entries), Hits()
    commonest = {
        name: field.variety.candidate
        for name, field in fields.named.items()
        if field.variety.count >= rows / 2 and not (name == TOOL and ARGUMENTS in fields.named)
    }
    counts = dict.fromkeys(commonest, 0)
    for entry in entries:
        for name in _constants(entry.content, fields, commonest):
            counts[name] += 1
    constant = {
        name: commonest[name]
        for name, count in counts.items()
        if fields.named[name].variety.is_constant(count, rows)
    }
    if not constant:
        return []
    for entry in entries:
        if any(_constants(entry.content, fields, constant)):
            hits.add(entry)
    worst = sorted(constant, key=lambda name: (-counts[name], name))
    said = listed([f"{name} {100 * counts[name] / rows:.1f} %" for name in worst])
    return [
        hits.finding(
            "constant-target",
            rows,
            f"a field has its one usual value; always giving it would be right in: {said}",
        )
    ]


def _constants(
    content: Content | None, fields: Fields, values: dict[str, int | None]
) -> Iterable[str]:
    """Return the names of the fields in which a record has the given value."""
    found = fields.of(content) if content and values else ()
    return [name for name, state, whole, _ in found if state and values.get(name) == whole]


def _percent(hits: Hits, rows: int) -> str:
    return f"{100 * hits.total / rows:.1f} %"


def _conflicting(entries: Sequence[Audited]) -> list[Finding]:
    first: dict[str, int] = {}
    torn: set[str] = set()
    for entry in entries:
        if entry.content and first.setdefault(entry.key, entry.content.answer) != (
            entry.content.answer
        ):
            torn.add(entry.key)
    hits = Hits()
    for entry in entries:
        if entry.key in torn:
            hits.add(entry)
    if not hits.matter(len(entries)):
        return []
    prompts = "1 prompt" if len(torn) == 1 else f"{len(torn):,} prompts"
    said = f"the same prompt has different answers ({prompts})"
    return [hits.finding("conflicting-targets", len(entries), said)]
