"""Keeping the Hugging Face libraries' log lines, warnings and bars off the terminal."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Silence log records, warnings and download bars until the block ends.

    What fails inside is raised, and explained by whoever catches it.
    """
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    level, hidden = logging.root.manager.disable, are_progress_bars_disabled()
    logging.disable(logging.CRITICAL)
    if not hidden:
        disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        if not hidden:
            enable_progress_bars()
