"""A node of the mesh as processes of its own, with pid files; and the units for systemd."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.files import disk_guard, write_text

# A Unix socket's path may have no more bytes; Linux, unix(7).
LONGEST_SOCKET = 107
START_S = 20.0
STOP_S = 10.0
UNIT = """\
[Unit]
Description={what}
After=network-online.target
Wants=network-online.target

[Service]
User={user}
WorkingDirectory={cwd}
ExecStart={command}
Restart=always
RestartSec=5
# What a rollout began goes on when the mesh restarts.
KillMode=process
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
EnvironmentFile=-{folder}/environment

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Process:
    """A program that goes on by itself; `folder` has its log and its pid."""

    name: str
    folder: Path
    command: tuple[str, ...]
    cwd: Path = Path("/")

    @property
    def log(self) -> Path:
        """Return the file of its output."""
        return self.folder / f"{self.name}.log"

    @property
    def _pid(self) -> Path:
        return self.folder / f"{self.name}.pid"

    def pid(self) -> int:
        """Return its number, 0 where it does not run."""
        try:
            number, began = map(int, self._pid.read_text(encoding="ascii").split())
        except (OSError, ValueError):
            return 0
        return number if began and _began(number) == began else 0

    def start(self) -> None:
        """Start it, where it does not run."""
        if self.pid():
            return
        with disk_guard(self.folder), self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.cwd,
            )
            write_text(self._pid, f"{process.pid} {_began(process.pid)}\n")

    def answers(self, address: tuple[str, int]) -> None:
        """Wait until it listens. Raises StepFailedError with its last words where it ends."""
        limit = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(address, 1):
                if self.pid():
                    return
            if not self.pid() or time.monotonic() > limit:
                raise StepFailedError(f"{self.name} does not start: {self.last_words()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, where it runs."""
        number = self.pid()
        if number:
            _end(number, signal.SIGTERM)
            limit = time.monotonic() + STOP_S
            while self.pid() and time.monotonic() < limit:
                time.sleep(0.05)
            if self.pid():
                _end(number, signal.SIGKILL)
        self._pid.unlink(missing_ok=True)

    def last_words(self) -> str:
        """Return the last line of its log."""
        with contextlib.suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            return next((line for line in reversed(lines) if line.strip()), "")
        return ""


def receptor(program: Path, folder: Path) -> Process:
    """Return Receptor's process for a node's folder. Raises BadInputError for one too long."""
    place = folder / "socket"
    if len(os.fsencode(place)) > LONGEST_SOCKET:
        raise BadInputError(
            f"{place} is too long for a socket", "choose a folder with a shorter path"
        )
    return Process("receptor", folder, (str(program), "--config", str(folder / "receptor.yml")))


def restart(process: Process) -> None:
    """Start Receptor anew and wait for its socket. Raises StepFailedError with its last words."""
    process.stop()
    place = process.folder / "socket"
    place.unlink(missing_ok=True)
    process.start()
    limit = time.monotonic() + START_S
    while not place.exists():
        if not process.pid() or time.monotonic() > limit:
            raise StepFailedError(f"receptor does not start: {process.last_words()}")
        time.sleep(0.05)


def write_unit(process: Process, what: str, user: str) -> Path:
    """Write the unit by which systemd runs a process; return its file."""
    path = process.folder / f"mediapipe-jetson-{process.name}.service"
    text = UNIT.format(
        what=what, user=user, command=_words(process.command), cwd=process.cwd,
        folder=process.folder,
    )  # fmt: skip
    write_text(path, text)
    return path


def _words(command: Sequence[str]) -> str:
    """Return a command line as systemd reads it."""
    return " ".join('"' + item.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'
                    for item in command)  # fmt: skip


def _began(number: int) -> int:
    """Return when a process began, in the kernel's ticks; 0 where it is none, or a zombie."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


def _end(number: int, kind: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, kind)
