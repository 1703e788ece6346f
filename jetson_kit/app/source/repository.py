"""Repositories of git that sources are in."""

from __future__ import annotations

import contextlib
import os
import posixpath
import shlex
import subprocess
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from jetson_kit.app.source import addresses, git_failures
from jetson_kit.core.errors import BadInputError, KitError, NetworkError, StepFailedError
from jetson_kit.core.run import run

GIT_S = 1800.0
CONNECT_S = 30
SLOW_S = 60
# Other programs have no -o.
OPENSSH = "ssh"
# Answers git from variables: a shell's own printf has no arguments that others see.
HELPER = '!printf "username=%s\\npassword=%s\\n" "$REPOSITORY_USER" "$REPOSITORY_PASSWORD"; :'


def clone(address: str, ref: str, folder: Path) -> str:
    """Clone a repository and check a reference out; return its commit.

    Raises BadInputError for what is no repository or has no such reference, NetworkError for what
    can't be reached or gives no access, and what `run` raises. A password is in no argument, which
    every user sees: git's helper asks the environment for it.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("https", "http", "ssh", "file"):
        raise BadInputError(
            f"git+{addresses.bare(address)}?", "write git+https://HOST/REPOSITORY@COMMIT"
        )
    if ref.startswith("-"):
        raise BadInputError(
            f"git+{addresses.bare(address)}: {ref} is no reference", "name a tag or commit"
        )
    bare = addresses.without_password(address)
    git = partial(
        run,
        what=f"fetching {bare}",
        env={**os.environ, **_unattended(), **_login(address)},
        timeout_s=GIT_S,
        failed=git_failures.failure,
    )
    try:
        git(["git", "clone", "--quiet", "--no-checkout", bare, folder])
    except StepFailedError as error:
        if isinstance(error.__cause__, subprocess.TimeoutExpired):
            raise NetworkError(error.message, "check the network and run it again") from error
        raise
    command = ("git", "-C", str(folder), "-c", "core.hooksPath=/dev/null")
    commit = ""
    for name in (f"origin/{ref}", ref):
        with contextlib.suppress(KitError):
            commit = (
                commit or git([*command, "rev-parse", "--verify", f"{name}^{{commit}}"]).strip()
            )
    if not commit:
        any_commit = git([*command, "rev-list", "--all", "--max-count=1"]).strip()
        what = f"has no {ref}" if any_commit else "is empty"
        raise BadInputError(f"{bare} {what}", git_failures.COMMIT)
    git([*command, "checkout", "--quiet", "--detach", commit])
    return commit


def _unattended() -> dict[str, str]:
    """Return the variables by which git speaks English, never asks and never waits for ever."""
    ssh = _ssh()
    options = f" -o BatchMode=yes -o ConnectTimeout={CONNECT_S}" if _is_openssh(ssh) else ""
    return {
        "LC_ALL": "C.UTF-8",
        "LANGUAGE": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": f"{ssh}{options}",
        # Bytes a second, and for how many seconds.
        "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
        "GIT_HTTP_LOW_SPEED_TIME": str(SLOW_S),
    }


def _ssh() -> str:
    """Return the command that git would run, for a shell; git looks at these in this order."""
    if command := os.environ.get("GIT_SSH_COMMAND"):
        return command
    with contextlib.suppress(StepFailedError):
        if command := run(["git", "config", "core.sshCommand"], what="git's settings").strip():
            return command
    # A program's path, which no shell takes apart.
    return shlex.quote(os.environ.get("GIT_SSH") or OPENSSH)


def _is_openssh(command: str) -> bool:
    try:
        arguments = shlex.split(command)
    except ValueError:
        return False
    return bool(arguments) and posixpath.basename(arguments[0]) == OPENSSH


def _login(address: str) -> dict[str, str]:
    """Return the variables by which git knows the user and password of an address, if any.

    As a credential, not as a header: git gives it to no host that the server redirects to.
    """
    parts = urlsplit(address)
    login, _, host = parts.netloc.rpartition("@")
    user, colon, password = login.partition(":")
    user, password = unquote(user), unquote(password)
    if parts.scheme == "ssh" and colon:
        raise BadInputError(f"git+{addresses.bare(address)}: ssh takes no password", "use a key")
    if not user + password or parts.scheme not in ("https", "http"):
        return {}
    if not (user + password).isprintable():
        raise BadInputError(
            f"git+{addresses.bare(address)}: its login has a control character", "correct the login"
        )
    key = f"credential.{parts.scheme}://{host}"
    rows = [(f"{key}.username", user)]
    if colon:
        rows += [(f"{key}.helper", ""), (f"{key}.helper", HELPER)]
    own = os.environ.get("GIT_CONFIG_COUNT", "")
    first = int(own) if own.isdecimal() else 0
    result = {"GIT_CONFIG_COUNT": str(first + len(rows))}
    for number, (name, value) in enumerate(rows, first):
        result |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return {**result, "REPOSITORY_USER": user, "REPOSITORY_PASSWORD": password}
