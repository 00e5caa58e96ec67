"""Does the fused model still do what the adapter taught? Two figures, and where they fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 0.9
"""Least share of the adapter's effect on the logits that is left; below it is lost.

Measured on the demo's run: quantised again 82 % is left, in bfloat16 (base and all) 96 %.
"""
EQUAL = 0.5
"""Least share of greedy answers that are equal. A low floor: in 16-bit floats the answers part at
the first two tokens that are nearly as likely as each other, sooner or later in a long one."""
SAME = 0.98
"""Share of equal answers from which on the two pass for the same."""
LONGEST = 128
"""Tokens of each answer that are compared."""


@dataclass(frozen=True)
class Proof:
    """A fused model held against the adapter on its base, over test prompts."""

    prompts: int
    equal: int
    """Prompts with the same greedy answer, token by token, and the same end."""
    mean: float
    """Mean |Δ logit| between the two, over the expected answers and the vocabulary."""
    largest: float
    base_mean: float
    """The same between the base alone and the adapter on it: all that the adapter does."""
    base_largest: float
    different: tuple[str, ...] = ()
    """Test rows with another answer."""

    @property
    def share(self) -> float:
        """Share of equal answers."""
        return self.equal / self.prompts

    @property
    def kept(self) -> float | None:
        """Share of the adapter's effect that is left; None where it has none.

        1 − mean |Δ logit| of the fused model / mean |Δ logit| of the base, both to the adapter on
        its base: 1 where they are the same, 0 where fusing did as much as leaving the adapter out.
        """
        return 1 - self.mean / self.base_mean if self.base_mean else None

    @property
    def lost(self) -> bool:
        """Whether the fused model is another than the one that was trained."""
        return self.share < EQUAL or (self.kept is not None and self.kept < KEPT)

    @property
    def conclusion(self) -> str:
        """What the figures mean, in a sentence."""
        if self.lost:
            return "Much of what the adapter does was lost in fusing."
        if self.share >= SAME:
            return "The fused model does what the adapter on its base does."
        return "The fused model does nearly what the adapter on its base does: rounding shows."

    @property
    def figures(self) -> list[str]:
        """The two figures, a line each."""
        kept = "the adapter has no effect" if self.kept is None else f"{_percent(self.kept)} kept"
        share = f"{self.equal} of {self.prompts} ({_percent(self.share)})"
        return [
            f"equal greedy answers, up to {LONGEST} tokens: {share}",
            f"effect on the logits: {kept} (mean |Δ| {self.mean:.3g} and at most"
            f" {self.largest:.3g}; the base without the adapter: {self.base_mean:.3g} and"
            f" {self.base_largest:.3g})",
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the proof as a JSON object, the rule with it."""
        rule = {"least_equal": EQUAL, "least_kept": KEPT}
        return {**asdict(self), "share": self.share, "kept": self.kept, "lost": self.lost, **rule}


def _percent(share: float) -> str:
    """Return a share in percent, never rounded up to all of it."""
    text = f"{100 * share:.1f}"
    return f"{'99.9' if text == '100.0' and share < 1 else text} %"


def read_proof(found: Mapping[str, Any], names: Sequence[str]) -> Proof:
    """Return what the child found, of the test rows called `names`."""
    pairs = zip(names, found["equal"], strict=True)
    different = tuple(name for name, equal in pairs if not equal)
    return Proof(
        prompts=len(names),
        equal=len(names) - len(different),
        mean=found["fused"]["mean"],
        largest=found["fused"]["max"],
        base_mean=found["base"]["mean"],
        base_largest=found["base"]["max"],
        different=different,
    )
