"""Run a program; on failure raise one typed error with the program's own last words."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jetson_kit.core import log, needs, stopping
from jetson_kit.core.errors import (
    DiskFullError,
    IntegrityError,
    KitError,
    NetworkError,
    StepFailedError,
    ToolMissingError,
)
from jetson_kit.core.files import disk_full, too_large
from jetson_kit.core.paths import full_place

# From the step's name, the exit code and standard error.
Failed = Callable[[str, int, str], KitError]
# In lower case: apt, uv, buildx and ssh each have a spelling of their own.
NETWORK_WORDS = (
    "temporary failure resolving",
    "could not resolve",
    "could not connect",
    "name or service not known",
    "connection refused",
    "connection timed out",
    "network is unreachable",
    "dns error",
    "failed to lookup address",
    "error sending request",
    "failed to fetch",
    "no such host",
    "i/o timeout",
    "network was disabled",
)
# What apt says of bytes that are not what was signed.
TRUST_WORDS = ("hash sum mismatch", "is not signed", "badsig", "expkeysig", "no_pubkey")
PREFIX = re.compile(r"(?i)^(error|fatal|cause|E):\s+")
LARGE_WORDS = re.compile(r"(?i)\bfile too large\b")
FULL_WORDS = (
    "no space left on device",
    "disk quota exceeded",
    "you don't have enough free space",
)


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float | None = None,
    stdin: bytes | None = None,
    failed: Failed | None = None,
) -> str:
    """Run `command` and return its standard output.

    `what` names the step in errors; `failed` judges what the program printed, else `failure`.
    Raises ToolMissingError, NetworkError, IntegrityError, DiskFullError or StepFailedError.
    """
    stopping.check()
    try:
        with log.timed(what):
            done = subprocess.run(
                [str(part) for part in command],
                env=dict(env) if env is not None else None,
                cwd=cwd,
                input=stdin,
                stdin=None if stdin is not None else subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
                start_new_session=stopping.requested(),
            )
    except FileNotFoundError as error:
        package = needs.package_of(Path(command[0]).name)
        cure = f"install the package {package}" if package else "run ./inv, which installs it"
        raise ToolMissingError(
            f"{what}: the program {command[0]} is not installed", cure
        ) from error
    except subprocess.TimeoutExpired as error:
        raise StepFailedError(f"{what}: no answer within {timeout_s:.0f} s") from error
    if done.returncode == 0:
        return done.stdout.decode(errors="replace")
    raise (failed or failure)(what, done.returncode, done.stderr.decode(errors="replace"))


def failure(what: str, code: int, stderr: str) -> KitError:
    """Return the typed error for a failed program, judged by what it printed."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if code == -signal.SIGXFSZ or any(map(LARGE_WORDS.search, lines)):
        return too_large(doing=what)
    last = next((line for line in lines if "error" in line.lower() or line[:2] == "E:"), "")
    last = last or (lines[-1] if lines else _ended(code))
    for line in lines:
        if any(word in line.lower() for word in FULL_WORDS):
            if place := full_place():
                return disk_full(place, what)
            # It may be another machine's disk.
            return DiskFullError(
                f"{what}: no space left: {_bare(line)}",
                "free some space where it writes, and run it again",
            )
    for line in lines:
        if any(word in line.lower() for word in TRUST_WORDS):
            return IntegrityError(
                f"{what}: {_bare(line)}", "nothing of it was used; check the mirror"
            )
    for line in lines:
        if any(word in line.lower() for word in NETWORK_WORDS):
            return NetworkError(f"{what}: {_bare(line)}", "check the network and run it again")
    return StepFailedError(f"{what} failed: {_bare(last)}")


def _ended(code: int) -> str:
    """Return how a program ended that printed nothing."""
    if code < 0:
        return f"ended by {signal.strsignal(-code) or f'signal {-code}'}"
    return f"exit code {code}"


def _bare(line: str) -> str:
    """Return a program's line without its own word for an error: ours says that."""
    return PREFIX.sub("", line)
