"""Processes that are told apart from any other of the same number by their time of start."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.run import run

PROC = Path("/proc")
POLL_S = 0.05


@dataclass(frozen=True)
class Process:
    """A process: its number, and when it started, in the system's own words."""

    pid: int
    started: str


def find(pid: int) -> Process | None:
    """Return the living process `pid`, None where there is none (or only its dead entry)."""
    if (PROC / "self" / "stat").exists():
        return _linux(pid)
    with contextlib.suppress(Exception):
        started = run(["ps", "-o", "lstart=", "-p", str(pid)], what="asking for a process").strip()
        return Process(pid, started) if started else None
    return None


def _linux(pid: int) -> Process | None:
    try:
        # proc(5): the name may hold spaces and brackets; after it come state and, 20th, the start.
        rest = (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    # Its first thread may be dead while others (QEMU's cores) still hold its ports and files.
    gone = rest[0] in "ZX" and int(rest[17]) <= 1
    return None if gone else Process(pid, f"{boot} {rest[19]}")


def me() -> Process:
    """Return this process."""
    return find(os.getpid()) or Process(os.getpid(), "")


def alive(process: Process) -> bool:
    """Tell whether that very process still runs."""
    return find(process.pid) == process


def end(process: Process, how: signal.Signals, wait_s: float) -> bool:
    """Send `how` to that very process and wait; tell whether it is gone."""
    until = time.monotonic() + wait_s
    if alive(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, how)
    while alive(process):
        if time.monotonic() > until:
            return False
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
        time.sleep(POLL_S)
    return True


def below(folder: Path, program: str) -> dict[str, tuple[Process, ...]]:
    """Return the processes of `program`* that work on a file in a folder of `folder`.

    The key is that inner folder's name: that is how those are found of which no record was kept.
    """
    inner = re.compile(rf"{re.escape(str(folder))}/([^/\0]+)/".encode())
    result: dict[str, tuple[Process, ...]] = {}
    for entry in PROC.glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command_line = entry.read_bytes()
            started = Path(command_line.split(b"\0", 1)[0].decode(errors="replace")).name
            match = inner.search(command_line) if started.startswith(program) else None
            process = find(int(entry.parent.name)) if match else None
            if match and process:
                name = match[1].decode(errors="replace")
                result[name] = (*result.get(name, ()), process)
    return result
