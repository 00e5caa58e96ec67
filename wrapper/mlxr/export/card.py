"""README.md: what the model is, what it was made from, and what is known of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlxr.export.job import Job, Made
from mlxr.files import file_sha256, read_json, reading, sha256
from mlxr.quiet import quiet
from mlxr.recipe.overlay import toml

TITLES = {
    "adapter": "an adapter for mlx-lm",
    "mlx": "a model for mlx-lm",
    "gguf": "a model in GGUF",
    "ollama": "a model for Ollama",
    "peft": "an adapter for PEFT",
}
_LIBRARIES = {"gguf": "gguf", "peft": "peft"}
_HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")


def card(job: Job) -> Callable[[Made], str]:
    """Read all that the model card tells, and return what writes it of that which is made.

    It is Markdown, with the front matter that the Hub reads; no path of this machine stands in it,
    and no row of the data. Raises MlxrError, so before the work, where a file is not as it was.
    """
    title = f"# {job.adapter.name}: {TITLES[job.wish.form]}"
    lead = f"Trained from `{job.base_name}` with [mlx-lm](https://github.com/ml-explore/mlx-lm)."
    above = [_front(job), title, lead]
    below = [*_verdict(job), *_data(job), *_licence(job)]
    with reading(job.adapter.run.record):
        below += [*_recipe(job), *_versions(job)]
    return lambda made: "\n\n".join([*above, *_use(job, made), *_proof(made), *below]) + "\n"


def _front(job: Job) -> str:
    from huggingface_hub import ModelCardData

    form, base = job.wish.form, job.base_name if _HUB_ID.match(job.base_name) else None
    relation = "adapter" if form in {"adapter", "peft"} else "finetune"
    data = ModelCardData(
        base_model=base,
        base_model_relation=base and relation,
        datasets=[name for name in job.recipe.data.names if _HUB_ID.match(name)] or None,
        library_name=_LIBRARIES.get(form, "mlx"),
        license=base_licence(job),
        pipeline_tag="text-generation",
        tags=[_LIBRARIES.get(form, "mlx"), job.recipe.train.fine_tune_type, "mlxr"],
    )
    return f"---\n{data.to_yaml()}\n---"


def _use(job: Job, made: Made) -> list[str]:
    lines = "\n".join(made.usage(".", job.base_name))
    return ["## Use", f"```{made.language}\n{lines}\n```", *made.notes]


def _proof(made: Made) -> list[str]:
    if made.proof is None:
        return []
    head = f"{made.proof.conclusion} Compared on {made.proof.prompts} test prompts:"
    return ["## Fused", head, "\n".join(f"- {line}" for line in made.proof.figures)]


def verdict(job: Job) -> Mapping[str, Any] | None:
    """Return compare.json of these very weights; None where they were not compared."""
    path = job.adapter.compare / "compare.json"
    found = read_json(path) if path.is_file() else {}
    with reading(path):
        weights = (found.get("provenance") or {}).get("adapter_sha256")
    return found if weights == file_sha256(job.adapter.weights) else None


def _verdict(job: Job) -> list[str]:
    found = verdict(job)
    said = "It was not compared with it, so nobody knows."
    if found:
        with reading(job.adapter.compare / "compare.json"):
            said = f"**{found['verdict']['label']}** {found['verdict']['text']}"
    return ["## Is it better than its base?", said, *_limits(job, found or {})]


def _limits(job: Job, compared: Mapping[str, Any]) -> list[str]:
    """Return what the comparison and the audit of the data warn of."""
    audit = read_json(job.prepared.audit) if job.prepared.audit.is_file() else {}
    with reading(job.adapter.compare / "compare.json"):
        told, found = list(compared.get("alarms") or []), compared.get("findings")
        lines = [f"- `{each['code']}`: {each['message']}" for each in told]
    with reading(job.adapter.compare / "compare.json" if found else job.prepared.audit):
        warned = [e for e in found or audit.get("findings") or [] if e["level"] != "info"]
        lines += [f"- `{each['code']}`: {each['message']}" for each in warned]
    return ["## Limits", "\n".join(lines)] if lines else []


def _data(job: Job) -> list[str]:
    words = []
    for portion, name in zip(job.recipe.data.portions, job.recipe.data.names, strict=True):
        revision = f", revision {portion.revision}" if portion.revision else ""
        words.append(f"{name}{revision}")
    if rows := _rows(job):
        words.append("rows: " + ", ".join(f"{count:,} {split}" for split, count in rows.items()))
    with reading(job.adapter.run.record):
        words.append(f"SHA-256 of the prepared rows: {job.record['data']['sha256']}")
    return ["## Data", "\n".join(f"- {word}" for word in words)]


def _rows(job: Job) -> dict[str, int]:
    """Return the rows by split; {} where the data are no longer those of the run."""
    path = job.prepared.manifest
    with reading(path):
        splits = read_json(path).get("splits", {}) if path.is_file() else {}
        digest = sha256({name: split["sha256"] for name, split in splits.items()})
        rows = {name: int(split["rows"]) for name, split in splits.items()}
    with reading(job.adapter.run.record):
        return rows if digest == job.record["data"]["sha256"] else {}


def base_licence(job: Job) -> str | None:
    """Return the licence that the base model's own card names, where the card is there."""
    from huggingface_hub import ModelCard

    path = job.base_files and job.base_files / "README.md"
    if path is None or not path.is_file():
        return None
    with quiet():
        try:
            named = ModelCard(path.read_text(encoding="utf-8"), ignore_metadata_errors=True)
        except Exception:  # it is another's text, and may be anything
            return None
    licence = getattr(named.data, "license", None)
    return str(licence) if licence else None


def _licence(job: Job) -> list[str]:
    known = base_licence(job)
    if known:
        return ["## Licence", f"That of the base model: {known}."]
    said = "The base model's files here do not name its licence. Its terms hold for this model too."
    return ["## Licence", said]


def _recipe(job: Job) -> list[str]:
    lines = [f"{key} = {toml(_shown(value))}" for key, value in _leaves(job.record["recipe"])]
    return ["## Recipe", "\n".join(["```toml", *lines, "```"])]


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted key and value of all that a recipe sets."""
    for key, value in table.items():
        name = key if re.fullmatch(r"[\w-]+", key) else json.dumps(key, ensure_ascii=False)
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        elif value not in (None, []):
            yield f"{prefix}{name}", value


def _shown(value: Any) -> Any:
    """Return a value of the recipe without the folders of this machine."""
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name
    if isinstance(value, Mapping):
        return {key: _shown(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_shown(inner) for inner in value]
    return value


def _versions(job: Job) -> list[str]:
    found = ", ".join(f"{name} {version}" for name, version in job.record["versions"].items())
    return ["## Made with", found]
