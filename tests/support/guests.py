"""Guests under QEMU end with the test process they belong to, also where that is killed.

A guest has a session of its own, so that what ends a test process with its group spares it; and
pytest-xdist kills its workers before a fixture has put a guest away.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jetson_kit.core.paths import ROOT
from jetson_kit.virtual_devices import procs
from jetson_kit.virtual_devices.power import EMULATOR

OWNER = "KIT_TEST_OWNER"
"""Names the test process in the environment of all that it starts."""
# Tasks that outlive it may start a guest yet; when they are stopped they end within this.
GRACE_S = 300.0
POLL_S = 0.2


@cache
def end_with_this_process() -> subprocess.Popen[bytes]:
    """Have the guests that this process starts, or what it starts does, end when it does.

    Return what sees to it.
    """
    os.environ[OWNER] = str(os.getpid())
    nothing = subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.guests"],
        cwd=ROOT, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True,
    )  # fmt: skip


def _watch(owner: str) -> None:
    """Wait for the end of the process `owner`, then end its guests until nothing is left of it."""
    process = procs.find(int(owner))
    while process and procs.alive(process):
        time.sleep(POLL_S)
    until = time.monotonic() + GRACE_S
    while (rest := list(_of(owner))) and time.monotonic() < until:
        for process, program in rest:
            if program.startswith(EMULATOR):
                procs.end(process, signal.SIGKILL, GRACE_S)
        time.sleep(POLL_S)


def _of(owner: str) -> Iterator[tuple[procs.Process, str]]:
    """Yield each other process of that owner's, with its program's name."""
    mark = f"{OWNER}={owner}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        pid = int(entry.parent.name)
        try:
            if mark not in entry.read_bytes().split(b"\0") or pid == os.getpid():
                continue
            command_line = (entry.parent / "cmdline").read_bytes()
        except OSError:  # another user's, or gone
            continue
        if process := procs.find(pid):
            yield process, Path(os.fsdecode(command_line.split(b"\0", 1)[0])).name


if __name__ == "__main__":
    _watch(os.environ[OWNER])
