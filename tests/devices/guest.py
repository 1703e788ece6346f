"""A virtual machine with real ARM cores, emulated, and a small image."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.devices.front import Front

NAME = "e2e-1"
FOLDER = "/var/lib/mediapipe-jetson/reports"
# For a machine that has much else to do: a guest under TCG is slow, not stuck.
PATIENCE_S = 5400.0
JOURNAL = "journalctl --boot --no-pager --lines 60; docker ps --all; docker logs --tail 20 {name}"


# The smallest image that an engine without a registry can have: a program and its libraries.
TINY = """\
tar -c -h -f - /usr/bin/echo /lib64/ld-linux-*.so.2 /lib/*-linux-gnu/libc.so.6 2>/dev/null |
  docker import - "$1" >/dev/null
"""


@contextmanager
def tiny() -> Iterator[str]:
    """Yield the tag of a small image of this machine's architecture; it is gone afterwards."""
    tag = f"mediapipe-jetson-test-tiny:{os.getpid()}"
    subprocess.run(["sh", "-c", TINY, "sh", tag], check=True)
    try:
        yield tag
    finally:
        subprocess.run(["docker", "rmi", tag], check=False, capture_output=True)


@dataclass(frozen=True)
class Guest:
    """The only machine of a state folder, and what its steps took in seconds."""

    front: Front
    times: dict[str, float] = field(default_factory=dict)

    def timed(self, what: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a task and keep its time."""
        began = time.monotonic()
        done = self.front(*arguments, timeout_s=PATIENCE_S)
        self.times[what] = round(time.monotonic() - began, 1)
        return done

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script of its shell."""
        return self.front("devices.ssh", NAME, "--", script, timeout_s=PATIENCE_S)

    def must(self, script: str) -> str:
        """Run a script of its shell that has to succeed."""
        done = self.run(script)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def report(self, name: str) -> dict[str, Any]:
        """Return a report that verify left."""
        document: dict[str, Any] = json.loads(self.must(f"cat {FOLDER}/{name}"))
        return document

    def evidence(self) -> str:
        """Return its console and its journal."""
        console = self.front("devices.logs", NAME)
        journal = self.run(JOURNAL.format(name="mediapipe"))
        return "\n".join((console.stdout, console.stderr, journal.stdout, journal.stderr))


# Machines that tests are about just now.
RUNNING: list[Guest] = []


@contextmanager
def powered(folder: Path, *arguments: str) -> Iterator[Guest]:
    """Yield an arm64 machine, `arguments` given to devices.up; nothing of it is left."""
    guest = Guest(Front(folder / "state"))
    machine = ("--kind", "vm", "--arch", "arm64", "--name", "e2e")
    try:
        done = guest.timed("up", "devices.up", *machine, *arguments)
        if done.returncode:
            pytest.fail(done.stderr, pytrace=False)
        RUNNING.append(guest)
        yield guest
    finally:
        RUNNING.clear()
        guest.front.must("devices.down")
        print(", ".join(f"{what} {seconds:.0f} s" for what, seconds in guest.times.items()))
    assert guest.front.left() == []
