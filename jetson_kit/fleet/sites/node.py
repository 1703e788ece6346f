"""A node of the mesh as processes of its own, with pid files; and the units for systemd."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from jetson_kit.core.errors import BadInputError, StepFailedError
from jetson_kit.core.files import disk_guard, write_text

# A Unix socket's path may have no more bytes; Linux, unix(7).
LONGEST_SOCKET = 107
START_S = 20.0
STOP_S = 10.0
# What Python and Go alike say of EADDRINUSE.
IN_USE = "address already in use"
# The state of a listening socket in /proc/net/tcp.
LISTEN = "0A"
SHELL, ENVIRONMENT = "/bin/sh", "environment"
QUOTED = {"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$", "\n": "\\n"}
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

[Install]
WantedBy=multi-user.target
"""

# Takes lines NAME=value of a file into the environment, then becomes the program; as its user.
# EnvironmentFile= would have it read by systemd's first process, as root: for ever, where it is a
# FIFO, and whatever a link there points to.
LOAD = r"""
if [ -f "$0" ] && ! [ -r "$0" ]; then
  echo "error: $0 belongs to another user: chown it to $(id -un)" >&2
  exit 1
fi
if [ -f "$0" ]; then
  while IFS= read -r line || [ -n "$line" ]; do
    name=${line%%=*} value=${line#*=}
    case $line in *=*) ;; *) continue ;; esac
    case $name in ""|[0-9]*|*[!A-Za-z0-9_]*) continue ;; esac
    case $value in \"*\"|"'"*"'") value=${value#?} value=${value%?} ;; esac
    export "$name=$value"
  done <"$0"
fi
exec "$@"
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

    def start(self) -> int:
        """Start it, where it does not run; return where in its log its words begin."""
        if self.pid():
            return 0
        with disk_guard(self.folder), self.log.open("ab") as log:
            since = log.tell()
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.cwd,
            )
            write_text(self._pid, f"{process.pid} {_began(process.pid)}\n")
        return since

    def listens(self, port: int) -> bool:
        """Tell whether this very process runs and listens on a TCP port."""
        return bool(number := self.pid()) and _listens(number, port)

    def wait(self, ready: Callable[[], bool], since: int, port: int) -> None:
        """Wait until it is ready. Raises StepFailedError with its last words where it ends.

        `since`: where in its log its words begin; `port`: the one that it needs.
        """
        limit = time.monotonic() + START_S
        while not ready():
            if not self.pid() or time.monotonic() > limit:
                output = self.last_words(since)
                if IN_USE in output.lower():
                    raise held(self.name, port)
                raise StepFailedError(
                    f"{self.name} does not start: {output or 'it says nothing'}", f"see {self.log}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, where it runs."""
        for number in self._running():
            began = _began(number)
            _end(number, signal.SIGTERM)
            if not _gone(number, began):
                _end(number, signal.SIGKILL)
                _gone(number, began)
        self._pid.unlink(missing_ok=True)

    def _running(self) -> set[int]:
        """Return its number, and those that a killed start left without a pid file."""
        arguments = [os.fsencode(word) for word in self.command]
        mine = {self.pid()} - {0}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if arguments and path.read_bytes().split(b"\0")[:-1] == arguments and _own(path):
                    mine.add(int(path.parent.name))
        return mine

    def last_words(self, since: int = 0) -> str:
        """Return the last line of its log, of what was written from a place on."""
        with contextlib.suppress(OSError):
            lines = self.log.read_bytes()[since:].decode(errors="replace").splitlines()
            return next((line for line in reversed(lines) if line.strip()), "")
        return ""


def held(name: str, port: int) -> StepFailedError:
    """Return the error for a port that another program listens on."""
    return StepFailedError(
        f"{name} does not start: another program holds port {port}",
        f"end that one (`ss -ltnp sport = :{port}` names it), or name another port",
    )


def check_free(name: str, bind: str, port: int) -> None:
    """Refuse a port that will be needed later, and is held. Raises StepFailedError."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise held(name, port) from error
            raise StepFailedError(
                f"{name} can't listen on {bind}, port {port}: {error.strerror}",
                "correct bind and port in the file of sites",
            ) from error


def receptor(program: Path, folder: Path) -> Process:
    """Return Receptor's process for a node's folder. Raises BadInputError for one too long."""
    place = folder / "socket"
    if len(os.fsencode(place)) > LONGEST_SOCKET:
        raise BadInputError(
            f"{place} is too long for a socket", "choose a folder with a shorter path"
        )
    return Process("receptor", folder, (str(program), "--config", str(folder / "receptor.yml")))


def restart(process: Process) -> None:
    """Start Receptor anew; wait for its socket, and the port that its settings name.

    Raises StepFailedError with its last words.
    """
    process.stop()
    place = process.folder / "socket"
    place.unlink(missing_ok=True)
    port = _port(process.folder / "receptor.yml")
    since = process.start()

    def ready() -> bool:
        return place.exists() and (process.listens(port) if port else process.pid() > 0)

    process.wait(ready, since, port)


def _port(settings: Path) -> int:
    """Return where Receptor's settings have it listen, 0 where nobody dials it."""
    for row in yaml.safe_load(settings.read_text(encoding="utf-8")):
        if "tcp-listener" in row:
            return int(row["tcp-listener"]["port"])
    return 0


def write_unit(process: Process, what: str, user: str) -> Path:
    """Write the unit by which systemd runs a process; return its file."""
    path = process.folder / f"mediapipe-jetson-{process.name}.service"
    text = UNIT.format(
        what=what, user=user, cwd=process.cwd,
        command=_command_line(
            (SHELL, "-c", LOAD, str(process.folder / ENVIRONMENT), *process.command)
        ),
    )  # fmt: skip
    write_text(path, text)
    return path


def _command_line(command: Sequence[str]) -> str:
    """Return a command line as systemd reads it."""
    return " ".join(f'"{"".join(QUOTED.get(letter, letter) for letter in item)}"'
                    for item in command)  # fmt: skip


def _began(number: int) -> int:
    """Return when a process began, in the kernel's ticks; 0 where it is none, or a zombie.

    The first of its threads may be one before the last has ended, which still has files and locks.
    """
    try:
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ended = fields[0] == "Z" and len(list(Path(f"/proc/{number}/task").iterdir())) <= 1
    except OSError:
        return 0
    return 0 if ended else int(fields[19])


def _gone(number: int, began: int) -> bool:
    """Wait for a process's end; tell whether it came."""
    limit = time.monotonic() + STOP_S
    while _began(number) == began:
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def _own(path: Path) -> bool:
    """Tell whether a process is of this user."""
    return path.stat().st_uid == os.geteuid()


def _end(number: int, kind: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, kind)


def _listens(number: int, port: int) -> bool:
    """Tell whether a process has a listening socket on a TCP port; proc(5), "/proc/net/tcp"."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            rows = Path(f"/proc/{number}/net/{table}").read_text(encoding="ascii").splitlines()
            for fields in map(str.split, rows[1:]):
                if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{number}/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(entry.readlink()) in inodes:
                    return True
    return False
