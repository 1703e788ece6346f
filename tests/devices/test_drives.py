"""A container whose root lies on a drive: what it syncs is flushed there; nothing is left of it.

What the drive has is judged by debugfs, which knows nothing of the kit.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.faults import block_log, recording, replay
from jetson_kit.core.progress import Progress
from jetson_kit.virtual_devices import (
    device_request,
    drives,
    kinds,
    leftovers,
    lifecycle,
    power,
    ssh,
    store,
)
from jetson_kit.virtual_devices.spec import Device
from tests.support.here import cannot_run_here, skip_without

pytestmark = [pytest.mark.docker, pytest.mark.slow]
FACTS = "cat /proc/sys/kernel/random/boot_id; cut -d. -f1 /proc/uptime; grep CapBnd /proc/1/status"
# linux/capability.h
CAP_SYS_TIME = 25
MACHINE = kinds.machine("container")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    skip_without("qemu-storage", "qemu-img", "debugfs", "e2fsck")
    if why := drives.usable():
        cannot_run_here(why)
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    yield tmp_path / "state"
    lifecycle.down([], Progress(quiet=True))


@pytest.fixture
def device(state: Path) -> Device:
    request = replace(device_request.check(kind="container"), root_on_disk=True)
    (record,) = lifecycle.up(request, Progress(quiet=True))
    assert record.device.folder.parent == state.resolve()
    return record.device


def shown(drive: Path, name: str) -> str:
    command = ["debugfs", "-R", f"cat /root/{name}", str(drive)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def facts(device: Device) -> tuple[str, int, int]:
    boot, uptime, bounds = ssh.shell(device, FACTS).splitlines()
    return boot, int(uptime), int(bounds.split()[1], 16)


def test_what_is_synced_is_on_the_drive_after_a_power_cut(device: Device, tmp_path: Path) -> None:
    first = facts(device)
    MACHINE.stop(device, hard=False)
    drives.detach(device.folder)
    start, log = device.folder / drives.IMAGE, tmp_path / "writes.log"
    drives.attach(device.folder, recording.overlay(tmp_path / "recorded.qcow2", start, "raw"), log)
    power.on(device)
    power.wait(device, threading.Event())
    second = facts(device)
    assert first[0] != second[0]
    assert 0 <= second[1] < 600
    assert not second[2] >> CAP_SYS_TIME & 1
    before = block_log.count(log)
    MACHINE.shell(device, "cd /root; echo yes > synced; sync synced .; echo no > loose")
    after = block_log.count(log)
    recording.cut(device)
    entries = block_log.read(log)
    assert any(entry.flushes for entry in entries[before:after])
    for end, content in ((before, ""), (after, "yes\n")):
        image = recording.overlay(tmp_path / f"{end}.qcow2", start, "raw")
        file = drives.serve(device.folder, image)
        block_log.apply(log, entries[: block_log.last_flush(entries, end)], file)
        drives.attach(device.folder, image)
        assert replay.recover(device) == ""
        assert shown(device.folder / drives.DRIVE, "synced") == content
        assert shown(device.folder / drives.DRIVE, "loose") == ""
    power.on(device)
    power.wait(device, threading.Event())
    assert MACHINE.shell(device, "cat /root/synced") == "yes\n"
    lifecycle.down([], Progress(quiet=True))
    assert leftovers.find(store.state_dir(), store.state_id()) == set()


def test_what_a_killed_run_leaves_is_cleaned(device: Device, tmp_path: Path) -> None:
    MACHINE.stop(device, hard=True)
    drives.detach(device.folder)
    drives.attach(
        device.folder,
        recording.overlay(tmp_path / "o.qcow2", device.folder / drives.IMAGE, "raw"),
        tmp_path / "writes.log",
    )
    power.on(device)
    assert any("qemu-storage-daemon" in row for row in leftovers.find(store.state_dir(), ""))
    (device.folder / store.RECORD).write_text("{", encoding="utf-8")
    lifecycle.down([], Progress(quiet=True))
    assert leftovers.find(store.state_dir(), store.state_id()) == set()
