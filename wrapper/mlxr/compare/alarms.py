"""Alarms: signs that a comparison is no comparison, or that a model has broken down.

A red alarm blocks the verdict. A model can look better by its numbers and be one of these.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mlxr.compare.intervals import Interval, newcombe
from mlxr.compare.metric import Metric
from mlxr.compare.parse import read_json
from mlxr.compare.sample import Output, Sample, Score
from mlxr.values import is_null, text_key

SAME_LOSS = 1e-6
"""Nats by which the loss on a target may differ between arms that are the same model."""
MIRAGE = 0.05
"""Training loss in nats per token below which a model looks finished."""


@dataclass(frozen=True)
class Alarm:
    """What is wrong, with figures and the next step, and the samples that show it."""

    code: str
    level: Literal["red", "yellow"]
    message: str
    sample_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What the alarms look at: everything in the order of the samples."""

    samples: Sequence[Sample]
    base: Sequence[Output]
    tuned: Sequence[Output]
    base_scores: Sequence[Score]
    tuned_scores: Sequence[Score]
    metrics: Sequence[Metric]
    base_prompts: Sequence[str] = ()
    """Hash of the prompt's tokens that each arm was given."""
    tuned_prompts: Sequence[str] = ()
    train_loss: float | None = None
    """Last training loss of the run, nats per token."""
    primary: Metric | None = None
    baseline: float | None = None
    """Best trivial baseline on the primary metric."""


def find_alarms(evidence: Evidence) -> tuple[Alarm, ...]:
    """Return the alarms that the evidence raises, the gravest first."""
    return tuple(alarm for look in ALARMS.values() if (alarm := look(evidence)))


def arm_mismatch(evidence: Evidence) -> Alarm | None:
    """Return an alarm if the arms were not asked the same."""
    base, tuned = evidence.base_prompts, evidence.tuned_prompts
    ids = [sample.id for sample in evidence.samples]
    if len(base) != len(tuned):
        differing = ids
    else:
        pairs = zip(ids, base, tuned, strict=False)
        differing = [name for name, one, other in pairs if one != other]
    if not differing:
        return None
    return _red(
        "ARM_MISMATCH",
        f"The arms were given different prompts in {_of(len(differing), len(ids))} samples, so "
        "their outputs cannot be held against each other. Run `mlxr compare` again for both arms; "
        "if this stays, run `mlxr prep` first: the data or the chat template has changed.",
        differing,
    )


def adapter_no_effect(evidence: Evidence) -> Alarm | None:
    """Return an alarm if both arms wrote the same and find the targets equally likely."""
    pairs = list(zip(evidence.base, evidence.tuned, strict=True))
    made = [pair for pair in pairs if "error" not in {pair[0].finish, pair[1].finish}]
    if not made or any(base.text != tuned.text for base, tuned in made):
        return None
    shifts = [abs(b.nll - t.nll) for b, t in pairs if b.nll is not None and t.nll is not None]
    if any(not shift < SAME_LOSS for shift in shifts):
        return None
    losses = "have the same loss on every target" if shifts else "their losses were not measured"
    return _red(
        "ADAPTER_NO_EFFECT",
        f"Both arms wrote exactly the same in all {len(made)} samples and {losses}: the adapter "
        "was not applied, or training changed nothing. Check that adapters.safetensors holds "
        "lora_b tensors other than 0, and that the adapter belongs to this model.",
    )


def null_collapse(evidence: Evidence) -> Alarm | None:
    """Return an alarm if the tuned model has learnt to answer with nothing but nulls."""
    n = len(evidence.samples)
    base, tuned = (_flagged(s, "all_null") for s in (evidence.base_scores, evidence.tuned_scores))
    silent = _ids(evidence, tuned)
    rises = n >= 20 and sum(tuned) - sum(base) >= 0.2 * n and _rise(base, tuned).low > 0
    found, readable = (_total(evidence, name) for name in ("recall", "valid_any"))
    blind = found is not None and readable is not None and found < 0.05 and readable > 0.9
    silenced = bool(n) and (len(silent) >= 0.5 * n or rises)
    if not silenced and not blind:
        return None
    said = []
    if silenced:
        said.append(
            f"{_of(len(silent), n)} tuned outputs are records of nothing but nulls although "
            f"the target has values (base: {_of(sum(base), n)})"
        )
    if blind and found is not None and readable is not None:
        said.append(
            f"{100 * readable:.0f} % of the tuned outputs are readable, yet only"
            f" {100 * found:.1f} % of the values were found"
        )
    figures = "; ".join(said)
    return _red(
        "NULL_COLLAPSE",
        f"{figures}. The model has learnt the form and not the task. See in the audit how much "
        "of the training targets is null (`mlxr prep`, mostly-null-target), leave out rows "
        "that say nothing, and train again.",
        silent,
    )


def constant_output(evidence: Evidence) -> Alarm | None:
    """Return an alarm if the tuned model answers one thing to prompts that want others."""
    made = [
        (sample, _essence(output.text))
        for sample, output in zip(evidence.samples, evidence.tuned, strict=True)
        if output.finish != "error"
    ]
    if not made:
        return None
    constant, _ = Counter(answer for _, answer in made).most_common(1)[0]
    others = {s.prompt: (s, a) for s, a in made if _essence(s.target) != constant}
    ids = [sample.id for sample, answer in others.values() if answer == constant]
    if len(others) < 10 or len(ids) < 0.5 * len(others):
        return None
    return _red(
        "CONSTANT_OUTPUT",
        f"The tuned model wrote the same answer to {_of(len(ids), len(others))} different prompts "
        f"that call for another one: {_cut(constant)}. Look at the training targets for one "
        "that repeats (`mlxr prep`, constant-target), or lower train.learning_rate.",
        ids,
    )


def never_stops(evidence: Evidence) -> Alarm | None:
    """Return an alarm if the tuned model runs into the token limit more than base does."""
    base, tuned = ([o.finish == "length" for o in arm] for arm in (evidence.base, evidence.tuned))
    n = len(tuned)
    if not n or sum(tuned) < 0.2 * n or _rise(base, tuned).low <= 0:
        return None
    return _red(
        "NEVER_STOPS",
        f"{_of(sum(tuned), n)} tuned outputs ran into the token limit (base: {_of(sum(base), n)}): "
        "the model has not learnt to end its answer. Check that every training target ends "
        "with the end-of-turn token (`mlxr prep`, no-end-of-turn); if the answers are only "
        "long, raise compare.max_tokens.",
        _ids(evidence, tuned),
    )


def loss_mirage(evidence: Evidence) -> Alarm | None:
    """Return a yellow alarm if the training loss is near 0 and nothing useful was learnt."""
    loss, primary, baseline = evidence.train_loss, evidence.primary, evidence.baseline
    if loss is None or loss >= MIRAGE or primary is None or baseline is None:
        return None
    tuned = _total(evidence, primary.name)
    if tuned is None or primary.better(tuned, baseline):
        return None
    share = scaffolding([sample.target for sample in evidence.samples])
    form = "" if share is None else f"{100 * share:.0f} % of the target text is keys and nulls. "
    return Alarm(
        "LOSS_MIRAGE",
        "yellow",
        f"The training loss ended at {loss:.3f} nats per token, yet {primary.title} is "
        f"{primary.show(tuned)}, no better than a trivial answer ({primary.show(baseline)}). {form}"
        "A loss near 0 can come from tokens that are the same in every answer: set "
        "train.mask_prompt = true, see mostly-null-target in the audit, and check that no "
        "test row stands in the training data (split-overlap).",
    )


ALARMS: dict[str, Callable[[Evidence], Alarm | None]] = {
    "ARM_MISMATCH": arm_mismatch,
    "ADAPTER_NO_EFFECT": adapter_no_effect,
    "NULL_COLLAPSE": null_collapse,
    "CONSTANT_OUTPUT": constant_output,
    "NEVER_STOPS": never_stops,
    "LOSS_MIRAGE": loss_mirage,
}


def scaffolding(targets: Sequence[str]) -> float | None:
    """Return the share of characters in JSON targets that are no value; None without any."""
    pairs = [(text, record) for text in targets if (record := read_json(text).value)]
    size = sum(len(text) for text, _ in pairs)
    return 1 - sum(_content(record) for _, record in pairs) / size if size else None


def _content(value: object) -> int:
    """Characters of the values in a JSON value, nulls left out."""
    if isinstance(value, Mapping):
        return sum(map(_content, value.values()))
    if isinstance(value, list):
        return sum(map(_content, value))
    return 0 if is_null(value) else len(str(value))


def _essence(text: str) -> str:
    """Return the same text for outputs that differ in spacing, case or JSON layout only."""
    parsed = read_json(text, (dict, list))
    if parsed.level != "strict":
        return text_key(text)
    return json.dumps(parsed.value, ensure_ascii=False, sort_keys=True)


def _red(code: str, message: str, ids: Sequence[str] = ()) -> Alarm:
    return Alarm(code, "red", message, tuple(ids))


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}"


def _cut(text: str, size: int = 60) -> str:
    return repr(text if len(text) <= size else text[: size - 1] + "…")


def _flagged(scores: Sequence[Score], flag: str) -> list[bool]:
    return [flag in score.flags for score in scores]


def _ids(evidence: Evidence, marks: Sequence[bool]) -> list[str]:
    return [s.id for s, mark in zip(evidence.samples, marks, strict=True) if mark]


def _rise(base: Sequence[bool], tuned: Sequence[bool]) -> Interval:
    """The interval of the rise of a share from base to tuned."""
    cells = list(zip(base, tuned, strict=True))
    pattern = ((True, True), (True, False), (False, True), (False, False))
    return newcombe(*(cells.count(cell) for cell in pattern))


def _total(evidence: Evidence, name: str) -> float | None:
    """A metric on the tuned arm; None if it has no such metric, or no score of it."""
    values = [s.values[name] for s in evidence.tuned_scores if name in s.values]
    metric = next((metric for metric in evidence.metrics if metric.name == name), None)
    return metric.total(values) if metric and values else None
