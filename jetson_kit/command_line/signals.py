"""Signals that ask for an end: one exception for all, so that what cleans up after Ctrl-C does.

The first one is raised in the main thread and passed on to the children, as a terminal passes
Ctrl-C on. While it is cleaned up the second one changes nothing; the third gives up cleaning.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_S = 3.0
POLL_S = 0.05


class StoppedError(KeyboardInterrupt):
    """A signal asks for an end; `number` is its own."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number


class _Seen:
    """How many of them have come."""

    count = 0


def install() -> None:
    """Have each of the signals raise StoppedError, except those that this process ignores."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)


def _handle(number: int, frame: FrameType | None) -> None:
    del frame
    _Seen.count += 1
    if _Seen.count == 2:
        with contextlib.suppress(OSError, RuntimeError):
            print("cleaning up; once more ends it without", file=sys.stderr, flush=True)
        return
    _send(signal.SIGTERM)
    raise StoppedError(number)


def exit_code(error: KeyboardInterrupt) -> int:
    """Return 128 and the signal's number."""
    return 128 + getattr(error, "number", signal.SIGINT)


def end_children() -> None:
    """End the children that are left of this process; daemons, in sessions of their own, stay."""
    until = time.monotonic() + GRACE_S
    while time.monotonic() < until and _send(signal.SIGTERM):
        time.sleep(POLL_S)
    _send(signal.SIGKILL)


def _send(number: signal.Signals) -> int:
    """Send a signal to all descendants of our process group; return how many there are.

    Those in groups of their own are ended by the code that gave them one.
    """
    group = os.getpgrp()
    found = [pid for pid in _descendants() if _group(pid) == group]
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    return len(found)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _descendants() -> list[int]:
    """Return this process's children and theirs, those that have ended left out."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # proc(5): the name may hold spaces and brackets; state and parent come after it.
            state, parent = entry.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                children.setdefault(int(parent), []).append(int(entry.parent.name))
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        todo = [child for pid in todo for child in children.get(pid, [])]
        found += todo
    return found
