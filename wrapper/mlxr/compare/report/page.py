"""report.html: the comparison as one file that opens anywhere and asks nobody for anything.

What a model wrote is in it only as data: in one JSON script element, from which page.js makes
text nodes. The page's policy allows no script but that one, no style but its own, no request.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from mlxr.compare.calls import read_calls
from mlxr.compare.document import sample_line
from mlxr.compare.judge import Judged, Judgement
from mlxr.compare.parse import read_json
from mlxr.compare.report import charts, rows
from mlxr.compare.report.embed import embedded

LONGEST = 20_000
"""Characters of one text that the page holds; samples.jsonl has all."""
SYMBOLS = {
    "IMPROVED": "▲",
    "EQUIVALENT": "=",
    "INCONCLUSIVE": "?",
    "REGRESSED": "▼",
    "BELOW_TRIVIAL_BASELINE": "▼",
    "BLOCKED": "✕",
}


def page(document: Mapping[str, Any], judgement: Judgement) -> str:
    """Return the page of a comparison; the same comparison gives the same bytes."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    sources = files("mlxr.compare.report")
    style, script = (sources.joinpath(f"page.{end}").read_text("utf-8") for end in ("css", "js"))
    environment = Environment(
        loader=PackageLoader("mlxr.compare.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made = environment.get_template("page.html").render(
        document=document,
        judgement=judgement,
        primary=judgement.primary,
        symbol=SYMBOLS[judgement.verdict.code],
        seen=_seen(judgement),
        rows=rows,
        charts=charts,
        metrics=list(
            zip(rows.metric_rows(judgement), judgement.results, _bars(judgement), strict=True)
        ),
        headline=rows.headline_rows(judgement),
        outcomes=_outcomes(judgement),
        dots=charts.scatter(judgement),
        curves=charts.curves(document["loss_curve"]),
        style=Markup(style),  # noqa: S704  (our own file)
        script=Markup(script),  # noqa: S704
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=Markup(embedded(_data(judgement))),  # noqa: S704  (embedded escapes)
    )
    return made.encode("utf-8", "backslashreplace").decode("utf-8")  # half characters in names


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _bars(judgement: Judgement) -> Sequence[charts.Bar | None]:
    return charts.forest(judgement.results)


def _outcomes(judgement: Judgement) -> dict[str, int]:
    found: list[str] = [judged.outcome for judged in judgement.judged]
    return {name: found.count(name) for name in rows.OUTCOMES}


def _seen(judgement: Judgement) -> dict[str, tuple[str, ...]]:
    """Return by flag the samples that training has seen."""
    leaks = judgement.leaks
    found = {"seen_exactly": leaks.exact, "seen_nearly": leaks.near} if leaks else {}
    return {flag: ids for flag, ids in found.items() if ids}


def _data(judgement: Judgement) -> dict[str, Any]:
    """Return what page.js reads: every sample, as in samples.jsonl, its texts cut."""
    metric = judgement.primary
    alarms = {alarm.code: list(alarm.sample_ids) for alarm in judgement.alarms}
    return {
        "primary": metric.name,
        "binary": metric.kind == "binary",
        "alarms": {code: ids for code, ids in alarms.items() if ids},
        "samples": [_sample(judged, judgement) for judged in judgement.judged],
    }


def _sample(judged: Judged, judgement: Judgement) -> dict[str, Any]:
    made = sample_line(judged)
    gain = None if judged.outcome == "unscored" else judgement.gain(judged)
    return {**_cut(made), "gain": gain, "expected": _cut(_expected(judged))}


def _expected(judged: Judged) -> object:
    """Return the expected answer as the scorer reads it, where an answer was read as JSON."""
    answers = (judged.base_score.answer, judged.tuned_score.answer)
    if any(isinstance(answer, dict) for answer in answers):
        return read_json(judged.sample.target).value
    if any(isinstance(answer, list) for answer in answers):
        return [asdict(call) for call in read_calls(judged.sample.target, words_allowed=True).calls]
    return None


def _cut(value: Any) -> Any:
    """Return a JSON value in which no text is longer than the page holds."""
    if isinstance(value, str):
        if len(value) <= LONGEST:
            return value
        return f"{value[:LONGEST]} … [{len(value):,} characters in all; samples.jsonl has them]"
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cut(inner) for inner in value]
    return value
