"""Data sets on the Hub: fetched into the cache or streamed, and what can go wrong in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError, first_line
from mlxr.prep.sources.readers import Numbered
from mlxr.quiet import quiet
from mlxr.recipe import Portion


@dataclass(frozen=True)
class Table:
    """One split of a Hub data set."""

    rows: Callable[[], Iterator[Numbered]]
    count: Callable[[], int | None]
    fingerprint: str


def load(portion: Portion, splits: Sequence[str], *, streaming: bool) -> list[Table]:
    """Return the named splits of a Hub data set; raises MlxrError where it cannot be had."""
    with quiet():
        import datasets

        datasets.disable_progress_bars()
        fetch = partial(
            datasets.load_dataset,
            portion.source,
            portion.config,
            revision=portion.revision,
            streaming=streaming,
        )
        try:
            if streaming:  # then datasets takes no list of splits
                return [_streaming(fetch(split=name), portion) for name in splits]
            tables = fetch(split=list(splits))
        except Exception as error:
            raise explained(portion, error) from error
        return [_fetched(table, portion) for table in tables]


def _fetched(table: Any, portion: Portion) -> Table:
    """Return a table by datasets' own fingerprint: it holds commit, configuration and split."""
    _check_revision(table, portion)
    return Table(partial(enumerate, table, 1), partial(len, table), str(table._fingerprint))


def _check_revision(table: Any, portion: Portion) -> None:
    """Raise MlxrError when a table is not of the recipe's revision.

    Offline, datasets takes what it fetched last, whatever the revision. The folder in which it
    keeps a table has the commit's name.
    """
    revision = portion.revision or "main"
    commit = _commit(portion.source, revision)
    kept = {Path(file["filename"]).parent.name for file in table.cache_files}
    if kept <= {revision, commit} or (portion.revision is None and commit is None):
        return
    raise MlxrError(
        f"The cache has another revision of the data set {portion.source} than {revision}.",
        "Go online once (and unset HF_HUB_OFFLINE), or change data.revision.",
    )


def _commit(name: str, revision: str) -> str | None:
    """Return the commit that a branch or tag was when the Hub last told, or None."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    folder = repo_folder_name(repo_id=name, repo_type="dataset")
    known = Path(constants.HF_HUB_CACHE) / folder / "refs" / revision
    return known.read_text(encoding="utf-8").strip() if known.is_file() else None


def _streaming(table: Any, portion: Portion) -> Table:
    """Return a table that is read as it comes; its fingerprint is commit and configuration."""
    fingerprint = "/".join(filter(None, (_revision(portion), portion.config)))
    return Table(partial(_streamed, table, portion), lambda: None, fingerprint)


def _revision(portion: Portion) -> str:
    """Return the commit that the Hub has for a portion's revision."""
    from huggingface_hub import HfApi

    return str(HfApi().dataset_info(portion.source, revision=portion.revision).sha)


def _streamed(table: Any, portion: Portion) -> Iterator[Numbered]:
    try:
        yield from enumerate(table, start=1)
    except Exception as error:
        raise explained(portion, error) from error


def _sentence(said: str) -> str:
    return said.rstrip(".") + "."


def explained(portion: Portion, error: Exception) -> MlxrError:
    """Return what went wrong with a Hub data set in the user's words, with the next step."""
    from datasets import exceptions
    from huggingface_hub.errors import GatedRepoError

    name, said = portion.source, first_line(error)
    gated = any(isinstance(each, GatedRepoError) for each in (error, error.__cause__))
    if gated or "is a gated dataset" in said:
        return MlxrError(
            f"The data set {name} is gated: its owner wants you to accept terms first.",
            f"Accept them at https://huggingface.co/datasets/{name}, then `hf auth login`.",
        )
    if isinstance(error, exceptions.DatasetNotFoundError) and "evision" in said:
        return MlxrError(_sentence(said), "Check data.revision in the recipe.")
    if isinstance(error, exceptions.DatasetNotFoundError):
        return MlxrError(
            f"The Hub has no data set {name}, or it is private.",
            "Check data.source; for a private one, `hf auth login`. A local path starts with ./",
        )
    if isinstance(error, ConnectionError):
        return MlxrError(
            f"The data set {name} is not in the cache, and the Hub cannot be reached.",
            "Go online once (and unset HF_HUB_OFFLINE), or give a local file as data.source.",
        )
    if isinstance(error, ValueError) and "split" in said:
        return MlxrError(
            _sentence(f"{name}: {said}"), "Name them in data.split, or in [data.splits]."
        )
    if isinstance(error, ValueError) and "onfig" in said:
        said = " ".join(str(error).splitlines()[:2])  # the second one may name those there are
        return MlxrError(_sentence(f"{name}: {said}"), "Set data.config in the recipe.")
    return MlxrError(
        _sentence(f"The data set {name} cannot be loaded: {said}"), "Check data.source."
    )
