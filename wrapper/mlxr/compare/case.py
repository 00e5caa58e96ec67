"""All that a judgement is made from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from mlxr.compare.forgetting import Forgetting
from mlxr.compare.leaks import Leaks
from mlxr.compare.refereed import Refereed
from mlxr.compare.sample import Output, Sample
from mlxr.recipe import Compare


@dataclass(frozen=True)
class Case:
    """All that a judgement is made from, in the order of the samples."""

    samples: Sequence[Sample]
    base: Sequence[Output]
    tuned: Sequence[Output]
    train_targets: Sequence[str]
    rules: Compare
    seed: int
    prompts: Sequence[str]
    """Hash of each prompt's tokens, the same ids being given to both arms."""
    train_loss: float | None = None
    """Last training loss of the run."""
    allow_degenerate: bool = False
    unmeasured: Collection[str] = ()
    """Metrics of which these outputs tell nothing."""
    leaks: Leaks | None = None
    """Which samples training has seen; None: nobody looked."""
    forgetting: Forgetting | None = None
    """What was measured beside the task; None: nothing."""
    refereed: Refereed | None = None
    """What a local model says of both arms; None: none was asked."""

    @property
    def clusters(self) -> list[str]:
        """What each sample belongs to."""
        return clusters(self.samples, self.prompts)

    def less(self, ids: Collection[str]) -> Case:
        """Return the case without the samples of these ids."""
        kept = [i for i, sample in enumerate(self.samples) if sample.id not in ids]
        return replace(
            self,
            samples=[self.samples[i] for i in kept],
            base=[self.base[i] for i in kept],
            tuned=[self.tuned[i] for i in kept],
            prompts=[self.prompts[i] for i in kept],
        )


def clusters(samples: Sequence[Sample], prompts: Sequence[str]) -> list[str]:
    """Return what each sample belongs to; without a name for it, its prompt.

    Greedy answers to one prompt are one answer, however many rows ask for it.
    """
    return [s.cluster or prompt for s, prompt in zip(samples, prompts, strict=True)]
