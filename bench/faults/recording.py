"""One rollout to a board whose drive records all that is written, and when each phase began."""

from __future__ import annotations

import functools
import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.faults import block_log, content, device
from bench.faults.block_log import Entry
from bench.faults.cases import PHASE_S
from bench.faults.content import Content
from bench.faults.crash_points import Mark
from bench.faults.rollout_process import RolloutProcess
from bench.faults.site import Site
from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.run import run
from jetson_kit.fleet.release.release import Release
from jetson_kit.fleet.rollout import journal as journals
from jetson_kit.virtual_devices import container_parts, drives, kinds, power
from jetson_kit.virtual_devices.spec import Device

# The marks in their order; a phase goes from its own to the next.
PHASES = ("fetch", "load", "switch", "soak", "confirm")
CONFIRMED, END = "confirmed", "end"
LOADING = 'grep -l \'"state": "loading"\' /var/lib/mediapipe-jetson/releases/*.json'
POLL_S = 0.05
# What a board still writes when its rollout has ended.
AFTER_S = 5.0
GONE_S = 60.0
FORMAT = ("-f", "qcow2", "-F")


@dataclass(frozen=True)
class Recording:
    """A rollout as the drive saw it."""

    start: Path
    """The drive at the beginning, raw."""
    log: Path
    entries: tuple[Entry, ...]
    marks: dict[str, Mark]
    release: Release
    old: str
    """Image id before it."""
    contents: dict[str, Content]
    """What is in the two images, by their ids."""

    def bounds(self, phase: str) -> tuple[int, int]:
        """Return the numbers of entries at which a phase begins and ends; "" is all of them."""
        if not phase:
            return self.marks[PHASES[0]].by, self.marks[END].by
        later = (*PHASES, END)[PHASES.index(phase) + 1]
        return self.marks[phase].by, self.marks[later].by


def overlay(path: Path, below: Path, kind: str) -> Path:
    """Make an empty qcow2 image on top of another one, and return it."""
    path.unlink(missing_ok=True)
    run(["qemu-img", "create", "-q", *FORMAT, kind, "-b", below, path], what="making an overlay")
    return path


def make(site: Site, work: Path) -> Recording:
    """Record a rollout to the only device of a site, which is on a good image, in folder `work`.

    Raises StepFailedError where the rollout fails: there is nothing to be cut off then.
    """
    (host,) = site.devices
    machine = kinds.machine(host.kind)
    old = site.good[host.name]
    contents = {old: content.read(host)}
    machine.stop(host, hard=False)
    drives.detach(host.folder)
    # A copy: somebody else's mount namespace may have the drive still, and give it back later.
    os.sync()
    start = work / "start.img"
    run(["cp", "--sparse=always", host.folder / drives.IMAGE, start], what="copying a drive")
    log = work / "writes.log"
    recorded = overlay(work / "recorded.qcow2", start, "raw")
    drives.attach(host.folder, recorded, log)
    power.on(host)
    power.wait(host, threading.Event())
    release = site.release(bulk=device.BULK)
    marks = _marks(site, host, release, log)
    contents[release.image_id] = content.read(host)
    cut(host)
    # All that is in it is in the log.
    recorded.unlink()
    return Recording(start, log, block_log.read(log), marks, release, old, contents)


def cut(host: Device) -> None:
    """Take a board's power and its drive, with all that is not on it."""
    machine = kinds.machine(host.kind)
    machine.stop(host, hard=True)
    end = time.monotonic() + GONE_S
    while machine.running(host) and time.monotonic() < end:
        time.sleep(POLL_S)
    drives.detach(host.folder)


def restart(host: Device) -> None:
    """Start a board from the drive that it was provisioned on, whatever was tried since.

    Raises StepFailedError or ToolMissingError.
    """
    cut(host)
    drives.attach_raw(host.folder, host.folder / drives.IMAGE)
    power.on(host)
    power.wait(host, threading.Event())


def _marks(site: Site, host: Device, release: Release, log: Path) -> dict[str, Mark]:
    """Roll out, and return when each phase began."""
    going = site.start(release)
    loads = subprocess.Popen(
        ["docker", "exec", container_parts.label(host.name), "sh", "-c",
         device.WATCH.format(condition=LOADING)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    signs: dict[str, Callable[[], bool]] = {
        step: functools.partial(_begun, going, step) for step in PHASES
    }
    signs["load"] = lambda: loads.poll() == 0
    signs[CONFIRMED] = lambda: _confirmed(going, host.name)
    try:
        marks = _watch(going, log, signs, site.kind.limit_s)
    finally:
        loads.kill()
        loads.wait()
    if code := going.end(site.kind.limit_s):
        raise StepFailedError(f"the rollout to be recorded ended with {code}; see {going.output}")
    time.sleep(AFTER_S)
    marks[END] = Mark(END, block_log.count(log), block_log.count(log))
    if missing := {*PHASES, CONFIRMED} - set(marks):
        raise StepFailedError(f"no {', '.join(sorted(missing))} was seen; see {going.output}")
    return marks


def _watch(
    going: RolloutProcess, log: Path, signs: dict[str, Callable[[], bool]], limit_s: float
) -> dict[str, Mark]:
    """Note how long the log is when each sign is first seen, until the rollout ends."""
    marks: dict[str, Mark] = {}
    before = block_log.count(log)
    end = time.monotonic() + limit_s + PHASE_S
    ended = False
    while not ended and len(marks) < len(signs) and time.monotonic() < end:
        ended = going.child.poll() is not None
        now = block_log.count(log)
        for name, sign in signs.items():
            if name not in marks and sign():
                marks[name] = Mark(name, before, block_log.count(log))
        before = now
        time.sleep(POLL_S)
    return marks


def _begun(going: RolloutProcess, step: str) -> bool:
    return going.count(step) > 0


def _confirmed(going: RolloutProcess, name: str) -> bool:
    record = going.record
    return record is not None and name in record.names(journals.CONFIRMED)
