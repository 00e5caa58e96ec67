"""Pushing an export to the Hub, private unless it is to be public."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxr.errors import MlxrError, first_line
from mlxr.quiet import quiet


@dataclass(frozen=True)
class Push:
    """Where an export goes on the Hub."""

    repo: str
    """OWNER/NAME."""
    public: bool = False


def check(push: Push) -> None:
    """Raise MlxrError, before any work, where this user cannot push there.

    One who did not ask for it gets nothing public: a repository that is public already is refused.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", push.repo):
        raise MlxrError(f"--push takes OWNER/NAME, not {push.repo!r}.", "--push me/my-model")
    with _explained(push) as api:
        account = api.whoami()
        owners = [account["name"], *(each["name"] for each in account.get("orgs") or ())]
        if push.repo.split("/")[0] not in owners:
            raise MlxrError(
                f"You are logged in as {owners[0]}, who cannot create {push.repo}.",
                f"You can push to: {', '.join(f'{owner}/…' for owner in owners)}",
            )
        if api.repo_exists(push.repo) and not api.repo_info(push.repo).private and not push.public:
            raise MlxrError(
                f"{push.repo} exists already and is public.",
                "Add --public to publish it there, or push to another name.",
            )


def upload(push: Push, folder: Path) -> str:
    """Push a folder and return its address; raises MlxrError where that fails."""
    with _explained(push, folder) as api:
        url = api.create_repo(push.repo, private=not push.public, exist_ok=True)
        api.upload_folder(repo_id=push.repo, folder_path=folder, commit_message="Exported by mlxr")
        return str(url)


@contextmanager
def _explained(push: Push, folder: Path | None = None) -> Iterator[Any]:
    """Yield the Hub's API; what goes wrong with it becomes a MlxrError."""
    with quiet():
        from huggingface_hub import HfApi

        try:
            yield HfApi()
        except MlxrError:
            raise
        except Exception as error:
            made = _error(push, error)
            if folder is None:
                raise made from error
            again = f"The export stands. Then: hf upload {push.repo} {folder}"
            raise MlxrError(made.message, f"{made.hint} {again}") from error


def _error(push: Push, error: Exception) -> MlxrError:
    """Return what went wrong in the user's words, with the next step."""
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.LocalTokenNotFoundError):
        return MlxrError("You are not logged in to the Hub.", "hf auth login")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return MlxrError("The Hub is switched off: HF_HUB_OFFLINE is set.", "Unset it.")
    if status == 401:
        return MlxrError("The Hub does not accept your token.", "hf auth login, with a new token.")
    if status == 403:
        return MlxrError(
            f"Your token may not write to {push.repo}.",
            "Make one with write permission (https://huggingface.co/settings/tokens), then"
            " `hf auth login`.",
        )
    if status is None:
        return MlxrError(f"The Hub cannot be reached: {first_line(error)}", "Check the network.")
    return MlxrError(f"The Hub refuses {push.repo}: {first_line(error)}", "Check its name.")
