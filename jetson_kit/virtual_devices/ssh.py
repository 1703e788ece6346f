"""ssh to a device: with its own key, to the pinned host key, and nothing of the user's settings."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from jetson_kit.core import ssh as clients
from jetson_kit.core import stopping
from jetson_kit.core.errors import StepFailedError, ToolMissingError
from jetson_kit.core.run import run
from jetson_kit.virtual_devices.spec import Device

POLL_S = 0.1
# Longest that a command may take where its caller says nothing, and one of `devices.ssh` that no
# person watches.
LIMIT_S = 120.0
UNWATCHED_S = 3600.0
TIMED_OUT = 124
# Longest that one attempt to log in may take: a guest under TCG needs seconds for its key exchange.
ATTEMPT_S = 30.0
BANNER = b"SSH-"


def options(device: Device) -> list[str]:
    """Return ssh's options but key, port and address, as an inventory needs them."""
    facts = {
        "UserKnownHostsFile": f'"{device.known_hosts}"',
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PreferredAuthentications": "publickey",
    }
    own = [word for key, value in facts.items() for word in ("-o", f"{key}={value}")]
    return [*own, *clients.ALIVE]


def command(device: Device, arguments: Sequence[str] = (), *, batch: bool = True) -> list[str]:
    """Return the ssh command line that runs `arguments` there, or a login shell without them.

    It gives up after 10 s without a connection, and when a device that was reached says nothing
    for a minute. With `batch` it asks nothing.
    """
    quiet = ["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
    return [
        *("ssh", "-F", "/dev/null", "-i", str(device.key), *options(device)),
        *("-o", "ConnectTimeout=10", *(quiet if batch else [])),
        *("-p", str(device.port), f"{device.user}@{device.address}"),
        *([shlex.join(arguments)] if arguments else []),
    ]


def login(device: Device, arguments: Sequence[str]) -> list[str]:
    """Return the command line for a person: one word is text for the device's shell, as with ssh.

    Several words are a command and its arguments, which arrive as they are.
    """
    if len(arguments) == 1:
        return [*command(device, batch=False), *arguments]
    terminal = [] if arguments else ["-t"]
    start, *rest = command(device, arguments, batch=False)
    return [start, *terminal, *rest]


def attach(device: Device, arguments: Sequence[str], limit_s: float = 0.0) -> int:
    """Run `login` with this process's streams; return its exit code, TIMED_OUT at the limit.

    `limit_s` 0: none for a person at a terminal, else UNWATCHED_S. Raises ToolMissingError.
    """
    limit = limit_s or (None if sys.stdin.isatty() else UNWATCHED_S)
    try:
        return subprocess.run(login(device, arguments), timeout=limit, check=False).returncode
    except FileNotFoundError as error:
        raise _missing() from error
    except subprocess.TimeoutExpired:
        problem = f"{device.name}: the command did not end within {limit:.0f} s"
        print(f"error: {problem}; give it --timeout", file=sys.stderr)
        return TIMED_OUT


def completed(
    device: Device, arguments: Sequence[str], stdin: bytes = b"", *, timeout_s: float = LIMIT_S
) -> subprocess.CompletedProcess[bytes]:
    """Run a command there, whatever exit code it has. Raises StepFailedError after the limit."""
    try:
        return subprocess.run(
            command(device, arguments),
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            start_new_session=stopping.requested(),
        )
    except subprocess.TimeoutExpired as error:
        raise StepFailedError(
            f"{device.name}: no answer to {arguments[0]} within {timeout_s:.0f} s"
        ) from error


def shell(device: Device, script: str, *, timeout_s: float = LIMIT_S) -> str:
    """Run a script in the device's sh; return what it printed. Raises StepFailedError."""
    return run(
        command(device, ["sh", "-eu"]),
        what=f"{device.name}: a script over ssh",
        stdin=script.encode(),
        timeout_s=timeout_s,
    )


def wait(device: Device, seconds: float, alive: Callable[[], bool]) -> None:
    """Wait until a login works. Raises StepFailedError when it dies or the time is over."""
    until = time.monotonic() + seconds
    problem = "ssh does not answer"
    while time.monotonic() < until:
        if _banner(device):
            try:
                requested = command(device, ["true"])
                done = subprocess.run(
                    requested, capture_output=True, text=True, timeout=ATTEMPT_S, check=False
                )
            except FileNotFoundError as error:
                raise _missing() from error
            except subprocess.TimeoutExpired:
                problem = "ssh answers, but a login takes too long"
                continue
            if done.returncode == 0:
                return
            problem = f"ssh: {(done.stderr.strip() or 'no answer').splitlines()[-1]}"
        if not alive():
            raise StepFailedError(f"{device.name} lost its power while it started")
        time.sleep(POLL_S)
    raise StepFailedError(f"{device.name} was not up within {seconds:.0f} s: {problem}")


def _missing() -> ToolMissingError:
    return ToolMissingError("ssh is missing", "install openssh-client")


def _banner(device: Device) -> bool:
    """Tell whether a server greets: cheaper than a login, and ports answer before servers do."""
    try:
        with socket.create_connection((device.address, device.port), timeout=2.0) as stream:
            return stream.recv(len(BANNER)) == BANNER
    except OSError:
        return False
