"""The stage: from a recipe to data/<recipe>/, or to the findings that stop it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.events import Display, Progress, Step
from mlxr.files import read_json, write_json
from mlxr.model import fingerprint, locate
from mlxr.prep import manifest
from mlxr.prep.audit import conclude, stopping, tally_entries, tally_overlap
from mlxr.prep.findings import AuditError, Finding, check_allowed
from mlxr.prep.folder import FAILED, SPOOL, building, recover
from mlxr.prep.records import Entry, Maker, Spool
from mlxr.prep.select import select
from mlxr.prep.shapes import Shape, shape_of
from mlxr.prep.sources import Source, open_source
from mlxr.prep.split import divide, rank, without_overlap
from mlxr.prep.tally import Tally
from mlxr.prep.tokens import Tokenizer, load_tokenizer
from mlxr.recipe import Recipe
from mlxr.workspace import SPLITS, Prepared, Workspace


@dataclass(frozen=True)
class Preparation:
    """What stands in data/<recipe>/ when prep has ended well."""

    prepared: Prepared
    unchanged: bool
    """Nothing was done: the data were already there."""
    rows: Mapping[str, int]
    """Records by split."""
    tokens: Mapping[str, int]
    """Tokens by split, prompts included."""
    target_tokens: Mapping[str, int]
    """Tokens by split that the loss counts."""
    findings: tuple[Finding, ...]
    seconds: float


def prepare(recipe: Recipe, workspace: Workspace, display: Display) -> Preparation:
    """Write the splits of `recipe` with audit.json and manifest.json, unless they stand already.

    Raises AuditError on findings that the recipe does not allow, MlxrError on what else is
    wrong with recipe, source, template or model. In either case, and on an interrupt, the
    former data stay as they were.
    """
    began = time.monotonic()
    check_allowed(recipe.allow)
    prepared = workspace.prepared(recipe.name)
    recover(prepared)
    manifest.refuse_edits(prepared)
    shape = shape_of(recipe)
    display.show(Step(f"Looking for {_name(recipe.model)} and {_name(recipe.data.source)}."))
    source = open_source(recipe.data)
    made_from = manifest.inputs(recipe, source, fingerprint(locate(recipe.model)))
    stored = manifest.unchanged(prepared, made_from)
    if stored is None:
        stored = _build(recipe, prepared, source, shape, made_from, display)
        unchanged = False
    else:
        (prepared.folder / FAILED).unlink(missing_ok=True)
        display.show(Step("Nothing has changed since these data were prepared."))
        unchanged = True
    return _preparation(prepared, unchanged, stored, time.monotonic() - began)


def _preparation(
    prepared: Prepared, unchanged: bool, stored: Mapping[str, Any], seconds: float
) -> Preparation:
    def column(key: str) -> dict[str, int]:
        return {split: stored["splits"].get(split, {}).get(key, 0) for split in SPLITS}

    findings = tuple(map(Finding.from_json, read_json(prepared.audit)["findings"]))
    return Preparation(
        prepared,
        unchanged,
        column("rows"),
        column("tokens"),
        column("target_tokens"),
        findings,
        seconds,
    )


def _build(
    recipe: Recipe,
    prepared: Prepared,
    source: Source,
    shape: Shape,
    made_from: Mapping[str, Any],
    display: Display,
) -> dict[str, Any]:
    """Write everything into a new folder, put it in place, and return its manifest."""
    display.show(Step("Loading the tokenizer."))
    tokenizer = load_tokenizer(recipe)
    with building(prepared) as folder:
        spool = Spool(folder / SPOOL)
        try:
            entries, findings = _records(recipe, source, shape, tokenizer, spool, display)
            _stop(recipe, prepared, findings)
            display.show(Step("Writing the splits."))
            files = _write_splits(folder, entries, spool)
        finally:
            spool.close()
            (folder / SPOOL).unlink()
        write_json(folder / "audit.json", _audit(recipe, findings))
        written = manifest.describe(recipe, made_from, _model(recipe, tokenizer), files)
        write_json(folder / "manifest.json", written)
    return written


def _records(
    recipe: Recipe,
    source: Source,
    shape: Shape,
    tokenizer: Tokenizer,
    spool: Spool,
    display: Display,
) -> tuple[list[Entry], tuple[Finding, ...]]:
    """Return the records in the order in which they are written, and the findings about them."""
    tally = Tally()
    maker = Maker(recipe, shape, tokenizer, spool, tally)
    display.show(Step(f"Reading {_name(recipe.data.source)} and counting tokens."))
    entries: list[Entry] = []
    total = recipe.data.limit or source.count()
    for made in maker.chunks(select(source, recipe, tally)):
        entries += made
        done = tally.rows if recipe.data.limit else tally.read
        if total:  # not known of every kind of file
            display.show(Progress("rows", min(done, total), total))
    display.show(Step(f"Dividing {len(entries):,} records and auditing them."))
    _assign(entries, recipe, tally)
    tally_entries(entries, tally, recipe.train)
    entries.sort(key=lambda entry: rank(recipe.seed, "order", entry.id))
    return entries, conclude(entries, tally, recipe)


def _assign(entries: Sequence[Entry], recipe: Recipe, tally: Tally) -> None:
    """Give each record its split, equal prompts on one side."""
    keys, splits = [entry.key for entry in entries], recipe.data.splits
    if isinstance(splits.train, str):
        assigned = without_overlap(keys, [entry.split for entry in entries])
    else:
        assigned = divide(keys, splits, recipe.seed)
    tally_overlap(entries, assigned, tally)
    for entry, split in zip(entries, assigned, strict=True):
        entry.split = split


def _stop(recipe: Recipe, prepared: Prepared, findings: Sequence[Finding]) -> None:
    """Raise AuditError on findings that are not allowed, and write them beside the former data."""
    errors = stopping(findings, recipe.allow)
    if errors:
        failed = prepared.folder / FAILED
        write_json(failed, _audit(recipe, findings))
        raise AuditError(recipe.name, errors, failed)


def _audit(recipe: Recipe, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "recipe": recipe.name,
        "allow": recipe.allow,
        "findings": [finding.to_json() for finding in findings],
    }


def _model(recipe: Recipe, tokenizer: Tokenizer) -> dict[str, Any]:
    return {
        "name": _name(recipe.model),
        "tokenizer_sha256": tokenizer.fingerprint,
        "chat_template_sha256": tokenizer.template_sha256,
        "context_length": tokenizer.context_length,
    }


def _write_splits(
    folder: Path, entries: Sequence[Entry], spool: Spool
) -> dict[str, dict[str, Any]]:
    """Write each split that has records; return sha256, rows and tokens of each.

    An empty one (the recipe allows it) has no file: mlx_lm takes a missing file, not an empty one.
    """
    files = {}
    for split in SPLITS:
        chosen = [entry for entry in entries if entry.split == split]
        if chosen:
            files[split] = {
                "sha256": _write_split(folder / f"{split}.jsonl", chosen, spool),
                "rows": len(chosen),
                "tokens": sum(entry.tokens for entry in chosen),
                "target_tokens": sum(entry.targets for entry in chosen),
            }
    return files


def _write_split(path: Path, entries: Sequence[Entry], spool: Spool) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as stream:
        for line in spool.lines(entries):
            stream.write(line)
            digest.update(line)
        stream.flush()
        os.fsync(stream.fileno())
    return digest.hexdigest()


def _name(text: str) -> str:
    """Return a Hub id as it is, of a path its last part."""
    return Path(text).name if Path(text).is_absolute() else text
