"""What the audit can find: a literal table, the finding itself, and the error that stops prep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from mlxr.errors import MlxrError
from mlxr.workspace import SPLITS

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Kind:
    """A finding's usual level, what it means (said of rows), and what to do about it."""

    level: Level
    meaning: str
    fix: str


FINDINGS: dict[str, Kind] = {
    "template-failed": Kind(
        "error",
        "the template or `where` fails on them",
        "Correct the template, or `where`; data.max_bad_rows is the share that may be lost.",
    ),
    "bad-row": Kind(
        "error",
        "they cannot be used",
        "Mend or remove these rows; data.max_bad_rows is the share that may be lost.",
    ),
    "empty-split": Kind(
        "error",
        "a split is empty",
        "Give more rows, other [data.splits], or another `seed`.",
    ),
    "split-too-small": Kind(
        "error",
        "a split is smaller than a batch, or than the count asked for",
        "Lower train.batch_size, give more rows, or change [data.splits].",
    ),
    "no-target": Kind(
        "error",
        "no answer token is left to train on",
        'Rows cut off: raise train.max_seq_length, or set train.too_long = "drop" or "truncate". '
        "Rows masked whole: the chat template writes more for the prompt alone than for all.",
    ),
    "too-long": Kind(
        "warning",
        "they are longer than max_seq_length",
        "Raise train.max_seq_length (it costs memory), or shorten the prompts.",
    ),
    "prompt-not-prefix": Kind(
        "error",
        "the prompt's tokens are not the beginning of the tokens trained on, "
        "so training and inference would differ",
        "The model's chat template treats the last turn specially, often by moving or dropping "
        "the system message: put its text into the prompt, or choose another model.",
    ),
    "tools-left-out": Kind(
        "error",
        "the model's chat template leaves out the tools on offer",
        "Write the tools into the prompt block instead of a `tools` block or column, or choose a "
        "model whose chat template takes tools.",
    ),
    "message-left-out": Kind(
        "warning",
        "the model's chat template leaves out what a message says",
        "Often it is a text beside tool calls, or a system message: put it where the template "
        "takes it, or do without.",
    ),
    "no-end-of-turn": Kind(
        "error",
        "the answer does not end with a token that stops generation",
        "Choose a model whose chat template ends an answer with its end-of-sequence token; a "
        "`chat_template` of your own must write {{ eos_token }} after an answer.",
    ),
    "double-bos": Kind(
        "warning",
        "they begin a text twice: the chat template adds the token and the row has it too",
        "Remove the beginning-of-sequence token from the rows or the template.",
    ),
    "double-eos": Kind(
        "warning",
        "they end an answer twice: the chat template adds the token and the row has it too",
        "Remove the end-of-sequence token from the answers or the template.",
    ),
    "untrained-turns": Kind(
        "warning",
        "plain mlx-lm would train on the last of several answers only",
        'Set data.turns = "all", and each answer is trained once.',
    ),
    "split-overlap": Kind(
        "error",
        "they share their prompt with another row",
        "Nothing to do: mlxr has repaired it.",
    ),
    "answer-in-prompt": Kind(
        "warning",
        "the answer stands verbatim in the prompt, so copying it would score full marks",
        "Take the answer out of the prompt: look at what the template's prompt block prints.",
    ),
    "ungrounded-target": Kind(
        "warning",
        "the answer has values that occur nowhere in the prompt",
        "Correct the answers or give the prompt what they tell. A model learns to invent such "
        "values, or to leave them out; only what it knows or can compute may be missing.",
    ),
    "mostly-null-target": Kind(
        "warning",
        "more than half of the answer's fields are null",
        "Drop fields that are hardly ever filled, or give more rows that fill them.",
    ),
    "constant-target": Kind(
        "warning",
        "the answer is the same in nearly all rows",
        "Give rows with other answers, or leave out what never changes: there is nothing to learn.",
    ),
    "conflicting-targets": Kind(
        "warning",
        "the same prompt has different answers",
        "Keep one answer for each prompt, or put into the prompt what tells them apart.",
    ),
    "undesirable-in-train": Kind(
        "warning",
        "their label calls the answer undesirable, and training would imitate it",
        'Set data.undesirable = "test" (keep them to the test split), or "drop".',
    ),
    "imbalanced": Kind(
        "warning",
        "their category has under 5 % of the training rows",
        "Give more rows of these categories, or merge them.",
    ),
    "remainder": Kind(
        "info",
        "plain mlx-lm would not use them",
        "Nothing to do: mlxr batches by length and keeps the incomplete last batch.",
    ),
    "test-too-small": Kind(
        "warning",
        "the test split can only show large differences",
        "Give more test rows in [data.splits].",
    ),
}
"""In the order in which they are reported."""


@dataclass(frozen=True)
class Finding:
    """One finding about one preparation."""

    code: str
    level: Level
    message: str
    """A whole sentence with the numbers."""
    counts: Mapping[str, int]
    """Rows by split; "unsplit" for rows that were left out before they had one."""
    examples: tuple[str, ...]
    """Up to three places, as "file:row"."""
    fix: str

    def to_json(self) -> dict[str, Any]:
        """Return the finding as audit.json holds it."""
        return {
            "code": self.code,
            "level": self.level,
            "message": self.message,
            "counts": dict(self.counts),
            "examples": list(self.examples),
            "fix": self.fix,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Finding:
        """Return the finding that `to_json` made `value` from."""
        return cls(**{**value, "examples": tuple(value["examples"])})


class AuditError(MlxrError):
    """Findings that stop preparation: each with its counts, places and fix."""

    def __init__(self, recipe: str, findings: Sequence[Finding], audit: Path) -> None:
        self.findings = tuple(findings)
        self.audit = audit
        causes = _causes(findings)
        count = "1 finding stops" if len(causes) == 1 else f"{len(causes)} findings stop"
        lines = "\n".join(map(_paragraph, causes))
        codes = ", ".join(dict.fromkeys(f'"{finding.code}"' for finding in causes))
        super().__init__(
            f"{count} the preparation of {recipe}:\n{lines}",
            f"All findings are in {audit}. To go on regardless: allow = [{codes}] in the recipe.",
        )


def _causes(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings to tell: splits that are all empty follow from what took every row."""
    causes = [finding for finding in findings if finding.code != "empty-split"]
    return causes if causes and len(findings) - len(causes) == len(SPLITS) else list(findings)


def _paragraph(finding: Finding) -> str:
    places = f" ({', '.join(finding.examples)})" if finding.examples else ""
    return f"  {finding.code}: {finding.message}{places}\n    {finding.fix}"


def check_allowed(codes: Sequence[str]) -> None:
    """Raise MlxrError when `allow` names a finding that does not exist."""
    unknown = [code for code in codes if code not in FINDINGS]
    if not unknown:
        return
    close = get_close_matches(unknown[0], FINDINGS, n=1)
    hint = f'Did you mean "{close[0]}"?' if close else f"Findings: {', '.join(FINDINGS)}."
    names = ", ".join(f'"{code}"' for code in unknown)
    raise MlxrError(f"allow: {names} is no finding of the audit.", hint)
