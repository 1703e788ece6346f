"""Run a program; on failure raise one typed error with the program's own last words."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from jetson_kit.errors import DiskFullError, NetworkError, StepFailedError, ToolMissingError

NETWORK_WORDS = (
    "Temporary failure resolving",
    "Could not resolve",
    "Name or service not known",
    "Connection refused",
    "Network is unreachable",
    "dns error",
    "failed to lookup address",
    "error sending request",
    "Failed to fetch",
    "no such host",
    "i/o timeout",
)


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float | None = None,
    stdin: bytes | None = None,
) -> str:
    """Run `command` and return its standard output.

    `what` names the step in errors. Raises ToolMissingError, NetworkError, DiskFullError or
    StepFailedError.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=dict(env) if env is not None else None,
            cwd=cwd,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise ToolMissingError(
            f"{what}: the program {command[0]} is not installed", "run ./inv, which installs it"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise StepFailedError(f"{what}: no answer within {timeout_s:.0f} s") from error
    if done.returncode == 0:
        return done.stdout.decode(errors="replace")
    raise failure(what, done.returncode, done.stderr.decode(errors="replace"))


def failure(what: str, code: int, stderr: str) -> NetworkError | DiskFullError | StepFailedError:
    """Return the typed error for a failed program, judged by what it printed."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = next((line for line in lines if "error" in line.lower() or line[:2] == "E:"), "")
    last = last or (lines[-1] if lines else f"exit code {code}")
    if "No space left on device" in stderr:
        return DiskFullError(f"{what}: no space left on device", "free some space and run it again")
    for line in lines:
        if any(word in line for word in NETWORK_WORDS):
            return NetworkError(f"{what}: {line}", "check the network and run it again")
    return StepFailedError(f"{what} failed: {last}")
