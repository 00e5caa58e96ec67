"""One training inside the child: what happens after each iteration of mlx_lm's loop.

mlx_lm validates before the update of an iteration and keeps only its last weights. Here the
validation follows the update, on the same validation rows each time, and the weights that it
measured are the ones kept as best.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxr.events import Ended, Pipe, Saved, Trained, Validated
from mlxr.train.batches import Batches
from mlxr.train.checkpoints import Checkpoints
from mlxr.train.loss import answer_start_loss, target_loss, weighted_loss
from mlxr.train.optimizer import Watched
from mlxr.train.rows import row_lengths, row_targets
from mlxr.train.start import gathers, started
from mlxr.train.state import Progress, read_state
from mlxr.train.validation import Asked, validation_loss

if TYPE_CHECKING:
    from mlxr.train.child import Interrupt
    from mlxr.train.settings import Settings
    from mlxr.train.world import World

NEVER = 2**62


class Stop(Exception):  # noqa: N818 - it is no error
    """Ends mlx_lm's loop from the callback."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.reason)
        self.ended = ended


class Session:
    """A training under way; mlx_lm calls `on_train_loss_report` after every iteration."""

    def __init__(
        self,
        model: Any,
        args: Any,
        optimizer: Any,
        train_set: Any,
        valid_set: Any,
        reporting: Any,
        settings: Settings,
        pipe: Pipe,
        interrupt: Interrupt,
        world: World,
    ) -> None:
        """Prepare to train; `reporting` is the callback of the recipe's `report_to`, or None."""
        self.model, self.args = model, args
        self.optimizer = Watched(optimizer, settings.max_grad_norm)
        self.train_set, self.valid_set = train_set, valid_set
        self.reporting, self.settings = reporting, settings
        self.pipe, self.interrupt, self.world = pipe, interrupt, world
        self.checkpoints = Checkpoints(
            model, self.optimizer, Path(settings.run), settings.keep, writes=world.leads
        )
        self.progress = Progress()
        self.start = 0
        self.start_tokens = 0
        self.clock = 0.0

    def run(self, original: Callable[..., None]) -> None:
        """Train with mlx_lm's own loop, then save and report how it ended."""
        self.interrupt.training = True
        self.world.any(False)  # so that all have written the files of mlx_lm that are read here
        if self.settings.resume:
            self.progress = read_state(Path(self.settings.resume), self.model, self.optimizer)
            self.checkpoints.remember_if_finite()
        self.start = self.progress.iteration
        self.batches = self._batches()
        self.pipe.send(
            started(
                self.model, self.args, self.settings, len(self.train_set), self.start, self.world
            )
        )
        ended = Ended("done", self.args.iters)
        try:
            if not self.start or self.progress.pending:
                self._validate()
                self._stop_if_spent()
            if not self.start and self.world.any(self.interrupt.requested):
                raise Stop(Ended("interrupted", 0, "before the first iteration"))
            self._train(original)
        except Stop as stop:
            ended = stop.ended
        except Exception:
            with suppress(Exception):  # what went wrong first is what to tell
                self.checkpoints.finish()
            raise
        if self.progress.iteration:
            self.checkpoints.finish()
        self.pipe.send(ended)

    def on_train_loss_report(self, info: dict[str, Any]) -> None:
        """Take an iteration's figures: report, validate, save, stop. Called by mlx_lm."""
        now = self.progress
        now.iteration = self.start + int(info["iteration"])
        tokens = self.start_tokens + int(info["trained_tokens"]) - now.tokens
        now.tokens += tokens
        loss = float(info["train_loss"])
        norm = self.optimizer.norm if self._updated else None
        self.pipe.send(
            Trained(
                iteration=now.iteration,
                loss=loss,
                learning_rate=float(info["learning_rate"]),
                target_tokens=tokens,
                padding=self.batches.padding,
                seconds=time.perf_counter() - self.clock,
                peak_memory=float(info["peak_memory"]),
                grad_norm=norm,
            )
        )
        if self.reporting and now.iteration % self.args.steps_per_report == 0:
            whole = {"iteration": now.iteration, "trained_tokens": now.tokens, "grad_norm": norm}
            self.reporting.on_train_loss_report(info | whole)
        self._stop_if_not_finite(loss, norm)
        self._validate_and_save()
        self.clock = time.perf_counter()

    def _train(self, original: Callable[..., None]) -> None:
        self.start_tokens = self.progress.tokens
        self.clock = time.perf_counter()
        original(
            model=self.model,
            args=dataclasses.replace(
                self.args,
                iters=self.args.iters - self.start,
                steps_per_report=1,
                steps_per_save=NEVER,
                adapter_file=self.checkpoints.last_weights,
                clear_cache_threshold=self.settings.clear_cache_threshold,
            ),
            optimizer=self.optimizer,
            train_dataset=self.train_set,
            val_dataset=None,
            iterate_batches=self.batches,
            training_callback=self,
            loss=self._loss(),
        )

    def _loss(self) -> Callable[..., tuple[Any, Any]]:
        """Return mlx_lm's `loss=`."""
        weight, window = self.settings.answer_start_weight, self.settings.answer_start_window
        loss = target_loss if weight == 1 else answer_start_loss(weight, window)
        return loss if self.batches.targets is None else weighted_loss(loss)

    def _batches(self) -> Batches:
        """Return the batches of training, weighted where several make an update."""
        several = self.args.grad_accumulation_steps * self.world.size > 1
        return Batches(
            row_lengths(self.train_set),
            self.settings.seed,
            self.start,
            targets=row_targets(self.train_set, self.args.max_seq_length) if several else None,
            accumulated=self.args.grad_accumulation_steps,
            gather=gathers(self.model, self.train_set, self.pipe),
        )

    @property
    def _updated(self) -> bool:
        """Whether this iteration ended with an optimizer update."""
        return not self.progress.iteration % int(self.args.grad_accumulation_steps)

    def _stop_if_not_finite(self, loss: float, norm: float | None) -> None:
        """Stop when loss, gradient or a weight is no number; the last finite weights are kept."""
        if not math.isfinite(loss):
            what = "the loss"
        elif norm is not None and not math.isfinite(norm):
            what = "the gradient"
        elif not self.checkpoints.remember_if_finite():
            what = "a weight"
        else:
            return
        message = f"{what} is no longer a finite number"
        rows = tuple(row + 1 for row in self.batches.rows)
        raise Stop(Ended("nonfinite", self.progress.iteration, message, rows))

    def _validate_and_save(self) -> None:
        """Do what is due after this iteration.

        A checkpoint is taken only after an optimizer update: gradients accumulated towards
        the next one live inside mlx_lm and could not be restored.
        """
        now = self.progress
        last = now.iteration == self.args.iters
        updated = self._updated
        if now.iteration % self.args.steps_per_eval == 0 or last:
            self._validate()
        # All ranks ask at the same places, and all end where one of them was asked to.
        asked = self.world.any(self.interrupt.requested or self.pipe.broken)
        pause = self.settings.pause is not None and now.iteration >= self.settings.pause
        asked, pause = (each and updated and not last for each in (asked, pause))
        if (updated and now.iteration % self.args.steps_per_save == 0) or last or asked or pause:
            self.pipe.send(Saved(now.iteration, str(self.checkpoints.save(now))))
        self._stop_if_spent()
        if asked or pause:
            raise Stop(Ended("interrupted" if asked else "paused", now.iteration))

    def _stop_if_spent(self) -> None:
        patience, now = self.settings.patience, self.progress
        if patience is not None and now.waiting >= patience and now.iteration < self.args.iters:
            message = f"no lower validation loss in {patience} validations"
            raise Stop(Ended("patience", now.iteration, message))

    def _validate(self) -> None:
        """Measure the mean loss per target token over the validation rows; keep the best."""
        if not self.valid_set or not self.args.val_batches:
            return
        begin, now = time.perf_counter(), self.progress
        loss = self._validation_loss()
        now.pending = loss is None
        if loss is None:
            return
        seconds = time.perf_counter() - begin
        better = now.iteration > 0 and math.isfinite(loss) and (now.best is None or loss < now.best)
        if better:
            now.best = loss
            self.checkpoints.keep_best()
        if now.iteration:
            now.count(loss, self.settings.min_delta)
        self.pipe.send(Validated(now.iteration, loss, seconds, better))
        if self.reporting:
            report = {"iteration": now.iteration, "val_loss": loss, "val_time": seconds}
            self.reporting.on_val_loss_report(report)

    def _validation_loss(self) -> float | None:
        """Return the loss, or None when the child was asked to end meanwhile."""
        return validation_loss(
            self.model,
            self.valid_set,
            self.args,
            Batches(row_lengths(self.valid_set), self.settings.seed, gather=self.batches.gather),
            self.settings.clear_cache_threshold,
            self._break_off_if_asked,
        )

    def _break_off_if_asked(self) -> None:
        """Leave a validation for which a resumed training has time, if the child is to end now."""
        last = self.progress.iteration == self.args.iters
        asked = self.world.any(self.interrupt.requested)
        if asked and self._updated and not last:
            raise Asked
