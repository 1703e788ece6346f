"""Podman in Docker's place: the package podman-docker, and a socket that answers as Docker does."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from docker.errors import APIError

from jetson_kit.core.errors import StepFailedError

SYSTEM = Path("/run/podman/podman.sock")
SYSTEMD = Path("/run/systemd/system")
# What the program of podman-docker is: a script of some lines.
SCRIPT_BYTES = 4096
STARTS = re.compile(rb"^\s*exec\b.*\bpodman\b", re.M)


def is_docker() -> bool:
    """Tell whether `docker` on the search path is Podman."""
    program = Path(shutil.which("docker") or "/nonexistent")
    try:
        if program.resolve().name == "podman":
            return True
        with program.open("rb") as stream:
            start = stream.read(SCRIPT_BYTES)
    except (OSError, RuntimeError):
        return False
    return start.startswith(b"#!") and STARTS.search(start) is not None


def socket() -> Path | None:
    """Return the socket of this user's Podman, else the system's where this user may use it."""
    return next((path for path in _places() if os.access(path, os.W_OK)), None)


def _places() -> Iterator[Path]:
    if os.geteuid():
        yield runtime_folder() / "podman/podman.sock"
    yield SYSTEM


def runtime_folder() -> Path:
    """Return the folder of this user's own sockets."""
    return Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")


def cure() -> str:
    """Return how its socket is started."""
    if SYSTEMD.exists():
        own = "--user " if os.geteuid() else ""
        return f"start it: systemctl {own}enable --now podman.socket"
    place = next(_places())
    return f"start it: mkdir -p {place.parent} && podman system service -t 0 unix://{place} &"


def not_started(what: str, error: APIError) -> StepFailedError:
    """Return the error for a container that an engine, Docker's or Podman, does not start."""
    reason = str(error.explanation)
    return StepFailedError(
        f"{what} does not start: {reason}",
        "install the package catatonit, Podman's init" if "catatonit" in reason else "",
    )
