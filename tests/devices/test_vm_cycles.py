"""Machines that come and go leave nothing: no process, mount, loop device, tap, file or memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.devices.front import Front
from tests.devices.guest import tiny

pytestmark = [pytest.mark.docker, pytest.mark.qemu, pytest.mark.slow, pytest.mark.network]
CYCLES = int(os.environ.get("KIT_TEST_CYCLES", "2"))


def shared_memory() -> set[str]:
    return {entry.name for entry in Path("/dev/shm").iterdir() if "qemu" in entry.name}


def loaded(front: Front) -> None:
    """Put an image in by the machine's own disk: a second time, it is there."""
    with tiny() as tag:
        for output in ("(loaded)", "(it was there)"):
            done = front("devices.load", "cycle-1", tag)
            assert done.returncode == 0, done.stderr
            assert output in done.stderr
    ran = front.inside("cycle-1", f"docker run --rm --network none {tag} /usr/bin/echo it came")
    assert ran == "it came\n"
    parcel = front.state / "cycle-1" / "parcel.raw"
    assert (parcel.stat().st_size, parcel.stat().st_blocks) == (16 << 30, 0)


def test_cycles_leave_nothing(front: Front) -> None:
    """What is looked for is there while the machine is up: so it would be found."""
    before = shared_memory()
    for _ in range(CYCLES):
        front.must("devices.up", "--kind", "vm", "--arch", "amd64", "--name", "cycle")
        up = front.left()
        assert [row for row in up if row.startswith("process ") and "qemu-system-x86_64" in row]
        assert "file cycle-1" in up
        loaded(front)
        front.must("devices.down")
        assert front.left() == []
    # A machine's memory is its process's, or it lies in a file of its own here.
    assert shared_memory() <= before
