"""Signals that ask for an end: one exception for all, so that what cleans up after Ctrl-C does.

The first one is raised in the main thread and passed on to the children, as a terminal passes
Ctrl-C on. While it is cleaned up the second one changes nothing; the third gives up cleaning.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import ClassVar

from jetson_kit.core import stopping

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_CHILD_SUBREAPER = 36
"""Of linux/prctl.h."""
PATIENCE_S = 1.0
GRACE_S = 3.0
POLL_S = 0.05


@dataclass(frozen=True)
class Process:
    """A process: its number and the time of its start, as /proc has it."""

    pid: int
    started: str


class _Seen:
    """How many of them have come, whether one waits, and who was there to be ended then."""

    count = 0
    waits = False
    over = False
    family: ClassVar[set[Process]] = set()


def install() -> None:
    """Have each of the signals raise stopping.StoppedError, unless this process ignores it."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)


def _handle(number: int, frame: FrameType | None) -> None:
    if _Seen.over:
        return
    if not _Seen.count and stopping.must_wait(frame):
        # However often it comes meanwhile: nothing is cleaned up yet that could be given up.
        if not _Seen.waits:
            _Seen.waits = True
            late = threading.Timer(POLL_S, _resend, (number,))
            late.daemon = True
            late.start()
        return
    _Seen.count += 1
    if _Seen.count == 2:
        with contextlib.suppress(OSError, RuntimeError):
            print("cleaning up; once more ends it without", file=sys.stderr, flush=True)
        return
    _adopt()
    family = _family()
    _send(family, signal.SIGINT)
    threading.Thread(target=_insist, args=(family - _spared(),), daemon=True).start()
    stopping.ask(number)
    raise stopping.StoppedError(number)


def _resend(number: int) -> None:
    _Seen.waits = False  # before: it may have to wait once more
    os.kill(os.getpid(), number)


def over() -> None:
    """Take no more signals: what could be cleaned up is."""
    _Seen.over = True  # one that came already must not be raised in what ends this
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def came() -> bool:
    """Tell whether one of the signals has come."""
    return _Seen.count > 0


def exit_code(error: KeyboardInterrupt) -> int:
    """Return 128 and the signal's number."""
    return 128 + getattr(error, "number", signal.SIGINT)


def end_children() -> None:
    """End what is left of this process's children; daemons, in sessions of their own, stay."""
    stopping.end()
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + GRACE_S
        while time.monotonic() < until and _send(_family(), number):
            time.sleep(POLL_S)


def _adopt() -> None:
    """Become the parent of what our children leave: a child that ends may just have started one."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _insist(family: frozenset[Process]) -> None:
    """End those that Ctrl-C did not: a thread may be waiting for them, and we for the thread."""
    time.sleep(PATIENCE_S)
    _send(family, signal.SIGTERM)
    time.sleep(GRACE_S)
    _send(family, signal.SIGKILL)


def _family() -> frozenset[Process]:
    """Return all descendants of our process group.

    Those in groups of their own are ended by the code that gave them one. One whose parent has
    ended meanwhile is still known from the time when it had one.
    """
    _Seen.family.update(_descendants(_processes(), {os.getpid()}))
    return frozenset(_Seen.family)


def _spared() -> frozenset[Process]:
    there = _processes()
    return frozenset(
        {
            *(process for process in there if process.pid in stopping.spared),
            *_descendants(there, stopping.spared),
        }
    )


def _send(family: frozenset[Process], number: signal.Signals) -> int:
    """Send a signal to those that live; return how many do."""
    processes = family & _processes().keys()
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)
    return len(processes)


def _processes() -> dict[Process, int]:
    """Return the processes of our group, each with its parent; those that have ended left out."""
    result = {}
    group = os.getpgrp()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # proc(5): the name may hold spaces and brackets; after it come state, parent and group,
            # and 20th the start.
            rest = entry.read_text(errors="replace").rpartition(")")[2].split()
            if rest[0] not in "ZX" and int(rest[2]) == group:
                result[Process(int(entry.parent.name), rest[19])] = int(rest[1])
    return result


def _descendants(there: dict[Process, int], pids: Iterable[int]) -> list[Process]:
    """Return these processes' children and theirs."""
    children: dict[int, list[Process]] = {}
    for item, parent in there.items():
        children.setdefault(parent, []).append(item)
    processes: list[Process] = []
    todo = list(pids)
    while todo:
        below = [child for pid in todo for child in children.get(pid, [])]
        processes += below
        todo = [process.pid for process in below]
    return processes
