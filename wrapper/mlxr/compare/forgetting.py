"""What tuning took away: general text, simple instructions, and the distance from the base.

None of it is about the task. A model that answers everything with a function call scores well on
function calls, and has forgotten the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlxr.compare.alarms import Alarm
from mlxr.compare.arms import Arm
from mlxr.compare.intervals import newcombe
from mlxr.compare.metric import Metric
from mlxr.compare.probes.probe import Instruction, Probes, instructions, passages
from mlxr.compare.result import Result
from mlxr.compare.sample import Score
from mlxr.compare.scorers.loss import PER_BYTE, likelihood, per_token
from mlxr.compare.statistics import Estimate, Paired, compare_metric, estimate

GENERAL_TEXT = "GENERAL_TEXT_WORSE"
"""The alarm."""
WORSE = 0.02
"""Share by which bits per byte of general text must have risen for sure to be worth an alarm."""
GENERAL = Metric(
    "general_bits_per_byte",
    "ratio",
    higher_is_better=False,
    title="loss on general text",
    explanation="How hard 40 short passages that have nothing to do with the task are to predict: "
    "English prose, other languages, code. A passage counts as one observation. An alarm says if "
    f"the whole interval of the rise lies above {100 * WORSE:.0f} % of the base.",
    aggregate=PER_BYTE.aggregate,
    unit="bits/byte",
)
FOLLOWED = Metric(
    "instructions_followed",
    "binary",
    higher_is_better=True,
    title="simple instructions followed",
    explanation="Share of 40 short instructions that were obeyed to the letter, by rules: answer "
    "in one word, write three bullet points, reply in French, add two numbers, write no JSON.",
)
DRIFT = Metric(
    "drift",
    "ratio",
    higher_is_better=False,
    title="drift from the base",
    explanation="Mean divergence KL(tuned ‖ base) per token over the whole vocabulary, at the "
    "tokens that the tuned model wrote itself in answer to up to 64 test prompts. It grows with "
    "whatever was learnt, good or bad.",
    aggregate=per_token,
    unit="nats/token",
    descriptive=True,
)
METRICS = (GENERAL, FOLLOWED, DRIFT)


@dataclass(frozen=True)
class Followed:
    """One instruction and what both arms made of it."""

    instruction: Instruction
    base: str
    tuned: str
    base_passed: bool
    tuned_passed: bool


@dataclass(frozen=True)
class Forgetting:
    """What was measured beside the task."""

    results: tuple[Result, ...]
    """General text, and instructions where they could be asked."""
    drift: Estimate | None
    """Nats per token; None where it was not measured."""
    answers: tuple[Followed, ...]
    notes: tuple[str, ...]
    """What a probe cannot tell, and why."""

    def result(self, metric: Metric) -> Result | None:
        """Return one of the results, where it was measured."""
        return next((each for each in self.results if each.metric == metric), None)

    @property
    def guardrails(self) -> list[tuple[Metric, Paired]]:
        """What must not get worse for sure while the primary metric gets better."""
        found = self.result(FOLLOWED)
        return [(FOLLOWED, found.paired)] if found else []

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """An alarm if general text has become harder to predict for sure."""
        found = self.result(GENERAL)
        if found is None or found.paired.interval is None or not found.paired.base:
            return ()
        base, interval = found.paired.base, found.paired.interval
        if interval.low <= WORSE * base:
            return ()
        rise, low, high = (
            f"{100 * each / base:+.1f} %"
            for each in (found.paired.delta, interval.low, interval.high)
        )
        return (
            Alarm(
                GENERAL_TEXT,
                "yellow",
                "Text that has nothing to do with the task has become harder to predict: bits per "
                f"byte {rise} (95 % interval {low} to {high}). The model forgets: lower "
                "train.learning_rate, train for fewer iterations or on fewer layers, or mix rows "
                "of other kinds into the training data.",
            ),
        )


def measure(
    probes: Probes, base: Sequence[Arm], tuned: Sequence[Arm], ids: Sequence[str], seed: int
) -> Forgetting:
    """Return what was forgotten.

    The arms answered the test rows, whose `ids` are given, and then the probes.
    """
    texts = [passage.id for passage in passages()]
    found = [_result(GENERAL, texts, _bits(base[1]), _bits(tuned[1]), seed)]
    notes, answers = [], _followed(base, tuned) if probes.instructions else []
    if answers:
        names = [each.instruction.id for each in answers]
        before = _marks([each.base_passed for each in answers])
        after = _marks([each.tuned_passed for each in answers])
        found.append(_result(FOLLOWED, names, before, after, seed))
        notes += _blind(sum(each.base_passed for each in answers), len(names))
    else:
        notes.append(f"The simple instructions were left out: {probes.skipped}.")
    drifted = {ids[each.place]: (each.kl, float(each.tokens)) for each in tuned[0].drift}
    scores = [Score({DRIFT.name: value}) for value in drifted.values()]
    drift = estimate(DRIFT, scores, list(drifted), seed)
    return Forgetting(tuple(r for r in found if r), drift, tuple(answers), tuple(notes))


def _result(
    metric: Metric, ids: Sequence[str], base: Sequence[Score], tuned: Sequence[Score], seed: int
) -> Result | None:
    paired = compare_metric(metric, base, tuned, ids, seed)
    arms = [estimate(metric, scores, ids, seed) for scores in (base, tuned)]
    if not paired or not arms[0] or not arms[1]:
        return None
    return Result(metric, arms[0], arms[1], paired, None)


def _bits(arm: Arm) -> list[Score]:
    found = (likelihood(output).get(PER_BYTE.name) for output in arm.outputs)
    return [Score({GENERAL.name: sums} if sums else {}) for sums in found]


def _marks(passed: Sequence[bool]) -> list[Score]:
    return [Score({FOLLOWED.name: float(each)}) for each in passed]


def _followed(base: Sequence[Arm], tuned: Sequence[Arm]) -> list[Followed]:
    return [
        Followed(each, before.text, after.text, each.passed(before.text), each.passed(after.text))
        for each, before, after in zip(
            instructions(), base[2].outputs, tuned[2].outputs, strict=True
        )
    ]


def _blind(passed: int, n: int) -> list[str]:
    """Say so where losing all that the base can do would not show."""
    if newcombe(0, passed, 0, n - passed).high < 0:
        return []
    return [f"The base follows {passed} of {n} simple instructions: this cannot show a loss."]
