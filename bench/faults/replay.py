"""Drives as they were at a moment of a recording, made from it as overlays of its beginning."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from bench.faults import block_log
from bench.faults.crash_points import Point
from bench.faults.recording import Recording, overlay
from jetson_kit.core.errors import KitError
from jetson_kit.core.run import run
from jetson_kit.virtual_devices import drives
from jetson_kit.virtual_devices.spec import Device


class Replay:
    """Goes through a recording once, from its beginning to its end."""

    def __init__(self, folder: Path, recording: Recording) -> None:
        self._work = folder
        self._recording = recording
        self._base = overlay(folder / "base.qcow2", recording.start, "raw")
        self._done = 0

    def drive(self, point: Point) -> Path:
        """Return the drive at a point, which is not before that of the last call.

        It is good until the next call.
        """
        recording = self._recording
        if point.base > self._done:
            self._write(self._base, recording.entries[self._done : point.base])
            self._done = point.base
        result = overlay(self._work / "point.qcow2", self._base, "qcow2")
        self._write(result, point.whole, point.torn)
        return result

    def _write(
        self,
        image: Path,
        entries: tuple[block_log.Entry, ...],
        torn: frozenset[block_log.Entry] = frozenset(),
    ) -> None:
        try:
            shown = drives.serve(self._work, image)
            block_log.apply(self._recording.log, entries, shown, torn)
        finally:
            drives.detach(self._work)


def recover(device: Device) -> str:
    """Mount a device's drive, as the kernel does it after a power cut, and check it after that.

    Return what is wrong with its file system, "" if nothing is.
    """
    drive = device.folder / drives.DRIVE
    with tempfile.TemporaryDirectory(prefix="kit-") as folder:
        try:
            run(["mount", "-t", "ext4", drive, folder], what="mounting a drive after a power cut")
        except KitError as error:
            return error.message
        run(["umount", folder], what="unmounting a drive")
    with contextlib.suppress(KitError):
        run(["e2fsck", "-f", "-n", drive], what="checking a file system")
        return ""
    return "its file system is damaged after its own recovery"
