"""The commit of the code that measured."""

import json
import subprocess
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).parent.parent


def current_commit() -> str | None:
    """The short hash of the package's commit; None where nobody knows it.

    From git where the package lies in a clone of its own, with "-dirty" where files differ from
    the commit; else from what pip noted when it installed from a repository (PEP 610).
    """
    return commit_of(PACKAGE) or _installed_commit()


def commit_of(folder: Path) -> str | None:
    """The short hash of the commit that tracks `folder`'s `__init__.py`; None if none does.

    A package that was installed into somebody's project lies in their repository, untracked: its
    commit is not ours.
    """
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    return _git(folder, "describe", "--always", "--dirty", "--exclude=*")


def _git(folder: Path, *words: str) -> str | None:
    """What git answers; None where it refuses or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, encoding="utf-8", check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _installed_commit() -> str | None:
    try:
        noted = metadata.distribution("neurosvt").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None
    commit = json.loads(noted or "{}").get("vcs_info", {}).get("commit_id")
    return commit[:7] if commit else None
