"""ssh to a host that the user names: what every connection of the kit has, and its failures."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from jetson_kit.core import stopping
from jetson_kit.core.errors import (
    BadInputError,
    IntegrityError,
    KitError,
    NetworkError,
    ToolMissingError,
)

# Whoever makes a connection: no terminal is asked, and no unknown key is taken. What people set for
# themselves ("Host *" with tmux, a line on every login) must not run here, nor hide why ssh failed.
STRICT = (
    *("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "RemoteCommand=none"),
    *("-o", "RequestTTY=no", "-o", "PermitLocalCommand=no", "-o", "LogLevel=INFO"),
)
# A host that is frozen takes a connection and never answers; one that was lost does not end it.
ALIVE = ("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")
LASTING = ("-o", "ConnectTimeout=15", *ALIVE)
OWN_FAILURE = 255


def run(
    host: str, command: str, stdin: bytes, options: Sequence[str], timeout_s: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a command over one ssh connection; whatever exit code it has is for the caller.

    `options` go to ssh before the host. Raises ToolMissingError, NetworkError after `timeout_s`,
    and what `failure` returns where there is no connection.
    """
    arguments = ["ssh", *STRICT, "-T", *options, *LASTING, "--", host, command]
    try:
        done = subprocess.run(
            arguments,
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            start_new_session=stopping.requested(),
        )
    except FileNotFoundError as error:
        raise ToolMissingError("ssh is not installed", "install openssh-client") from error
    except subprocess.TimeoutExpired as error:
        raise NetworkError(
            f"{host} did not answer within {timeout_s:.0f} s", "check that it is up"
        ) from error
    if done.returncode == OWN_FAILURE:
        raise failure(host, done.stderr.decode(errors="replace"))
    return done


def failure(host: str, stderr: str) -> KitError:
    """Return the typed error for what ssh itself printed when it could not connect."""
    lines = [line.strip(" @\r") for line in stderr.splitlines() if line.strip(" @\r")]
    last = lines[-1].removeprefix("ssh: ") if lines else "no reason given"
    if "IDENTIFICATION HAS CHANGED" in stderr:
        return IntegrityError(
            f"the host key of {host} is not the one that is known",
            "if it was flashed anew, remove the old key with ssh-keygen -R HOST and connect once",
        )
    if "host key is known" in stderr or "Host key verification failed" in stderr:
        return BadInputError(
            f"the host key of {host} is not known",
            f"connect once with ssh {host}, compare the fingerprint and accept it",
        )
    if "Permission denied" in stderr:
        return BadInputError(
            f"{host} refused the login",
            f"ssh-copy-id {host} puts your key there; no password is asked for here",
        )
    return NetworkError(
        f"cannot reach {host}: {last}", "check the name, the network and that sshd runs there"
    )
