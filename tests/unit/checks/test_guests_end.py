"""Guests of a test process that is killed end with it; a user's own stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT
from jetson_kit.virtual_devices import procs
from tests.support.guests import OWNER

# As vm.py does it: in a session of its own, by a task that ends when the guest is up.
GUEST = """
import subprocess, sys
words = ["qemu-system-of-a-test", "-c", "import time; time.sleep(60)"]
guest = subprocess.Popen(words, executable=sys.executable, start_new_session=True)
sys.stdout.write(f"{guest.pid}\\n")
"""
WORKER = f"""
import subprocess, sys, time
from tests.support import guests
if "free" not in sys.argv:
    guests.end_with_this_process()
if "late" in sys.argv:
    words = [sys.executable, "-c", "import time; time.sleep(2)\\n" + {GUEST!r}]
    subprocess.Popen(words, start_new_session=True)
    print(0, flush=True)
else:
    subprocess.run([sys.executable, "-c", {GUEST!r}], check=True)
time.sleep(float(sys.argv[2]))
"""
LIMIT_S = 30.0


@pytest.fixture
def pids() -> Iterator[list[int]]:
    """Collect guests, and kill those that stayed."""
    result: list[int] = []
    yield result
    for pid in result:
        if procs.find(pid):
            os.kill(pid, signal.SIGKILL)


def worker(how: str, seconds: float) -> tuple[subprocess.Popen[str], int]:
    """Start what starts a guest, in a group of its own; return it and the guest's number."""
    child = subprocess.Popen(
        [sys.executable, "-c", WORKER, how, str(seconds)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != OWNER},
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    return child, said(child)


def said(child: subprocess.Popen[str]) -> int:
    assert child.stdout is not None
    return int(child.stdout.readline())


def gone(pid: int, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while procs.find(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def watches(owner: int) -> list[str]:
    """Return what still has that owner's mark."""
    mark = f"{OWNER}={owner}".encode()
    result = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in entry.read_bytes().split(b"\0"):
                result.append((entry.parent / "cmdline").read_text())
        except OSError:
            continue
    return result


def test_a_guest_ends_when_its_test_process_is_killed_with_its_group(pids: list[int]) -> None:
    child, guest = worker("bound", 60)
    pids.append(guest)
    assert not gone(guest, 1.0)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert gone(guest, LIMIT_S)
    until = time.monotonic() + LIMIT_S
    while watches(child.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert watches(child.pid) == []


def test_a_task_that_outlives_its_test_process_leaves_no_guest_either(pids: list[int]) -> None:
    child, _ = worker("late", 60)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    pids.append(said(child))
    assert gone(pids[0], LIMIT_S)


def test_a_guest_that_stayed_of_a_test_process_that_ended_is_put_away(pids: list[int]) -> None:
    child, guest = worker("bound", 0)
    pids.append(guest)
    assert child.wait() == 0
    assert gone(guest, LIMIT_S)


def test_a_guest_that_no_test_owns_stays(pids: list[int]) -> None:
    free, free_guest = worker("free", 60)
    bound, guest = worker("bound", 60)
    pids += [free_guest, guest]
    for child in (free, bound):
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert gone(guest, LIMIT_S)
    assert not gone(free_guest, 1.0)
