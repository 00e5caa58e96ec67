"""The stage: from a recipe to data/<recipe>/, or to the findings that stop it."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.events import Display, Progress, Step
from mlxr.files import write_json
from mlxr.manifest import read_findings
from mlxr.model import fingerprint, locate
from mlxr.prep import manifest
from mlxr.prep.assign import assign, leave_out_known
from mlxr.prep.audit.conclude import conclude, stopping, tally_entries
from mlxr.prep.audit.findings import AuditError, Finding, check_allowed
from mlxr.prep.audit.tally import Tally
from mlxr.prep.augment.rows import augment
from mlxr.prep.entry import Entry, Spool
from mlxr.prep.folder import FAILED, SPOOL, building, recover
from mlxr.prep.records import Maker, Recorder
from mlxr.prep.shapes import Shape, shape_of
from mlxr.prep.sources.select import select
from mlxr.prep.sources.source import Row, Source, open_sources
from mlxr.prep.split import rank
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
    display.show(Step(f"Looking for {_name(recipe.model)} and {_and(recipe.data.names)}."))
    sources = open_sources(recipe.data)
    made_from = manifest.inputs(recipe, sources, fingerprint(locate(recipe.model)))
    stored = manifest.unchanged(prepared, made_from)
    if stored is None:
        stored = _build(recipe, prepared, sources, shape, made_from, display)
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

    findings = tuple(map(Finding.from_json, read_findings(prepared)))
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
    sources: Sequence[Source],
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
            making = _Making(recipe, sources, shape, tokenizer, spool, display)
            entries, findings = making.records()
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


class _Making:
    """Makes the records of one recipe, divides and audits them."""

    def __init__(
        self,
        recipe: Recipe,
        sources: Sequence[Source],
        shape: Shape,
        tokenizer: Tokenizer,
        spool: Spool,
        display: Display,
    ) -> None:
        self._recipe, self._sources = recipe, sources
        self._spool, self._display = spool, display
        self._tally = Tally()
        self._maker = Maker(recipe, shape, tokenizer, self._tally)
        self._recorder = Recorder(recipe, spool)

    def records(self) -> tuple[list[Entry], tuple[Finding, ...]]:
        """Return the records in the order in which they are written, and the findings on them."""
        recipe, tally = self._recipe, self._tally
        self._say(f"Reading {_and(recipe.data.names)} and counting tokens.")
        entries = self._entries(select(self._sources, recipe, tally), self._total())
        self._say(f"Dividing {len(entries):,} records and looking for copies.")
        assign(entries, recipe, tally, self._spool)
        entries += self._augmented(entries)
        self._say(f"Auditing {len(entries):,} records.")
        tally_entries(entries, tally, recipe)
        entries.sort(key=lambda entry: rank(recipe.seed, "order", entry.id))
        return entries, conclude(entries, tally, recipe)

    def _entries(self, rows: Iterator[Row], total: int | None = None) -> list[Entry]:
        entries: list[Entry] = []
        for made in self._maker.made(rows):
            entries += map(self._recorder.entry, made)
            if total:  # not known of every kind of file
                done = self._tally.rows if self._recipe.data.limit else self._tally.read
                self._display.show(Progress("rows", min(done, total), total))
        return entries

    def _total(self) -> int | None:
        counts = [source.count() for source in self._sources]
        return self._recipe.data.limit or (None if None in counts else sum(filter(None, counts)))

    def _augmented(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return made-up training records, of which valid and test have nothing alike."""
        recipe = self._recipe
        if recipe.augment is None:
            return []
        self._say("Making new training rows.")
        trained = {entry.row for entry in entries if entry.split == "train"}
        again = select(self._sources, recipe, Tally())
        rows = [row for number, row in enumerate(again) if number in trained]
        made = self._entries(augment(recipe.augment, rows, recipe.seed))
        for entry in made:
            entry.split = "train"
        if recipe.data.undesirable == "test":
            made = [entry for entry in made if entry.desirable is not False]
        held_out = [entry for entry in entries if entry.split in ("valid", "test")]
        return leave_out_known(made, held_out, self._spool, self._tally)

    def _say(self, text: str) -> None:
        self._display.show(Step(text))


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


def _and(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"
