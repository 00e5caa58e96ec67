"""What a training's events amount to, for whoever draws them."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlxr.events import Started, Trained, Validated

SMOOTHING = 0.9
"""Weight of the past in the shown training loss (exponential mean, corrected for its start)."""


@dataclass
class TrainingProgress:
    """A training as its events have told it so far."""

    started: Started
    last: Trained | None = None
    losses: list[tuple[int, float]] = field(default_factory=list)
    """(iteration, smoothed training loss)."""
    validations: list[Validated] = field(default_factory=list)
    grad_norm: float | None = None
    """Global norm of the last update's gradients, before clipping."""
    tokens: int = 0
    seconds: float = 0.0
    """Training time, validation left out."""
    _sum: float = 0.0
    _weight: float = 0.0

    def take(self, event: Trained | Validated) -> None:
        """Add one event."""
        if isinstance(event, Validated):
            self.validations.append(event)
            return
        self.last = event
        self.grad_norm = self.grad_norm if event.grad_norm is None else event.grad_norm
        self.tokens += event.target_tokens
        self.seconds += event.seconds
        if event.loss is not None:
            self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * event.loss
            self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)
            self.losses.append((event.iteration, self._sum / self._weight))

    @property
    def iteration(self) -> int:
        """Iterations done."""
        return self.last.iteration if self.last else 0

    @property
    def epoch(self) -> float:
        """Passes over the training rows done."""
        return self.iteration / self.started.batches_per_epoch

    @property
    def loss(self) -> float | None:
        """Smoothed training loss in nats per target token."""
        return self.losses[-1][1] if self.losses else None

    @property
    def best(self) -> Validated | None:
        """The lowest validation of trained weights so far."""
        return next((v for v in reversed(self.validations) if v.best), None)

    @property
    def tokens_per_second(self) -> float | None:
        """Target tokens per second of training time."""
        return self.tokens / self.seconds if self.seconds else None

    @property
    def remaining(self) -> float | None:
        """Estimated seconds to the end, validations included at their mean so far."""
        if not self.iteration:
            return None
        done = self.iteration - self.started.start
        left = self.started.iterations - self.iteration
        spent = self.seconds + sum(v.seconds for v in self.validations)
        return left * spent / done


def clock(seconds: float | None) -> str:
    """Return seconds as 0:07, 12:30 or 3:05:00; unknown as –."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def figure(value: float | None, digits: int = 3) -> str:
    """Return a number with `digits` decimals; unknown or not finite as –."""
    return "–" if value is None else f"{value:.{digits}f}"
