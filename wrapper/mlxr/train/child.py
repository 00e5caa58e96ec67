"""The training child: stock `mlx_lm.lora.main()` with one name replaced.

    python -m mlxr.train.child FD SETTINGS

FD is the descriptor for events, SETTINGS a JSON object (see `Settings`). The replaced name is
`mlx_lm.lora.train`; the replacement calls the original with its own public parameters: batches
(`iterate_batches=`), a loss of the same value (`loss=`), the optimizer that mlx_lm built,
watched, and a callback (`training_callback=`) in which, after every iteration, all else that
mlxr adds to training happens. Where MLX's environment names several ranks, each is such a
child, and the first alone writes and reports.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlxr.events import Ended, Pipe
from mlxr.train.settings import Settings
from mlxr.train.tensorboard import TensorBoard
from mlxr.train.world import World


class Interrupt:
    """Remembers that the child was asked to end.

    While mlx_lm loads there is nothing to save, so a signal ends the child at once; once
    training has begun (`training`), it ends after the iteration, with everything saved.
    """

    def __init__(self) -> None:
        self.requested = False
        self.training = False
        # SIGHUP is what reaches a rank on another host when mlxr lets go of it.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._handle)

    def _handle(self, *_: object) -> None:
        self.requested = True
        if not self.training:
            raise KeyboardInterrupt


def supervised(
    original: Callable[..., None],
    settings: Settings,
    pipe: Pipe,
    interrupt: Interrupt,
    world: World,
) -> Callable[..., None]:
    """Return the function that stands in for `mlx_lm.lora.train`."""

    def train(
        model: Any,
        args: Any,
        optimizer: Any,
        train_dataset: Any,
        val_dataset: Any,
        training_callback: Any = None,
    ) -> None:
        from mlxr.train.session import Session

        session = Session(
            model=model,
            args=args,
            optimizer=optimizer,
            train_set=train_dataset,
            valid_set=val_dataset,
            reporting=training_callback,
            settings=settings,
            pipe=pipe,
            interrupt=interrupt,
            world=world,
        )
        session.run(original)

    return train


def main(descriptor: int, settings: Settings) -> None:
    """Train as `settings` say, reporting to `descriptor`; raises what mlx_lm raises."""
    pipe = Pipe(None if settings.remote else descriptor, Path(settings.events))
    interrupt = Interrupt()
    try:
        world = World()
        pipe = pipe if world.leads else Pipe(None)
        from mlx_lm import lora
        from mlx_lm.tuner.callbacks import SUPPORT_CALLBACK

        SUPPORT_CALLBACK["tensorboard"] = TensorBoard
        lora.train = supervised(lora.train, settings, pipe, interrupt, world)
        mute = [] if world.leads else ["--report-to", ""]
        sys.argv = ["mlx_lm.lora", *settings.arguments, *mute]
        lora.main()
    except KeyboardInterrupt:
        pipe.send(Ended("interrupted", 0, "before the first iteration"))
        sys.exit(130)
    except Exception as error:
        with suppress(OSError):  # of a full disk, which mlxr then reads in the log
            pipe.send(Ended("error", 0, f"{type(error).__name__}: {error}"))
        raise


if __name__ == "__main__":
    main(int(sys.argv[1]), Settings(**json.loads(sys.argv[2])))
