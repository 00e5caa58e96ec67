"""The Hugging Face Hub: can it be asked, and as whom? A token is never read out."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass

from mlxr.doctor.check import Check, Topic
from mlxr.workspace import Workspace

SECONDS = 5.0
"""How long the Hub is waited for."""
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
"""Variables that forbid asking it."""


@dataclass(frozen=True)
class Hub:
    """What is known of the Hub without asking for anything on it."""

    endpoint: str
    offline: tuple[str, ...]
    """Those of OFFLINE that are set."""
    token: bool
    problem: str | None
    """Why it did not answer; None where it did, or was not asked."""


def look(_: Workspace) -> Hub:
    """Ask the Hub for a sign of life, unless that is forbidden."""
    from huggingface_hub import constants, get_token

    offline = tuple(name for name in OFFLINE if os.environ.get(name, "") not in ("", "0"))
    problem = None if offline else asked(constants.ENDPOINT)
    return Hub(constants.ENDPOINT, offline, get_token() is not None, problem)


def asked(endpoint: str, seconds: float = SECONDS) -> str | None:
    """Return why `endpoint` did not answer within so many seconds, or None where it did.

    In a thread, because looking up a name does not keep to any time limit.
    """
    said: list[str | None] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(endpoint, method="HEAD")  # noqa: S310 - the user's own
            with urllib.request.urlopen(request, timeout=seconds):  # noqa: S310
                said.append(None)
        except (OSError, ValueError) as error:
            said.append(str(getattr(error, "reason", "")) or str(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return said[0] if said else f"no answer within {seconds:g} seconds"


def reachable(hub: Hub) -> Check:
    """Tell whether models and data sets can be fetched."""
    if hub.offline:
        found = f"not asked, for {' and '.join(hub.offline)} forbids it: the cache must do."
        return Check("Hub", "warning", found, f"unset {' '.join(hub.offline)}")
    if hub.problem is not None:
        found = f"{hub.endpoint} cannot be reached: {hub.problem}. Until then the cache must do."
        return Check("Hub", "warning", found, f"curl -I {hub.endpoint}")
    return Check("Hub", "ok", f"{hub.endpoint} answers.")


def login(hub: Hub) -> Check:
    """Tell whether the user is logged in; most models need no login, so either is well."""
    if hub.token:
        return Check("Hub login", "ok", "a token is there.")
    return Check("Hub login", "ok", "no token; `hf auth login`, should a model or data ask for it.")


TOPIC = Topic("Hub", look, (reachable, login))
