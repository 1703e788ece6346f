"""Drives that a container's root can lie on: disk images shown as block devices, writes recorded.

qemu-storage-daemon shows an image over FUSE as a file, a loop device shows that file as a drive.
A flush of the file system inside reaches the daemon as one, and is recorded in its place among the
writes (driver blklogwrites; bench/faults/block_log.py reads what it writes).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import disk_guard
from jetson_kit.core.run import run
from jetson_kit.virtual_devices import loops, procs
from jetson_kit.virtual_devices.qemu import quoted

DAEMON = "qemu-storage-daemon"
# In the device's folder: the first image, what the daemon shows, the drive itself, the daemon.
IMAGE = "root.img"
SHOWN = "drive"
DRIVE = "drive-device"
PID = "drive.pid"
FUSE = Path("/dev/fuse")
MOUNTS = Path("/proc/self/mounts")
KILL_S = 10.0
POLL_S = 0.05
# The kernel gives a file system back when no mount namespace has it any more.
GIVEN_BACK_S = 5.0
IN_USE_S = 60.0
# A file that is longer than any log will be; it takes only the room of what is in it.
LOG_BYTES = 1 << 40


def usable() -> str:
    """Return why this machine can't have such drives; empty where it can."""
    if why := loops.usable():
        return why
    if not shutil.which(DAEMON):
        return f"{DAEMON} is not installed (package qemu-system-common)"
    return "" if FUSE.exists() else "this kernel has no FUSE"


def create(folder: Path, gib: int) -> None:
    """Make an empty image of `gib` GiB with ext4, and attach it.

    Raises DiskFullError, StepFailedError or ToolMissingError.
    """
    image = folder / IMAGE
    with disk_guard(folder), image.open("wb") as stream:
        stream.truncate(gib << 30)
    # With a journal, as a board's. Whole at once: else the kernel writes tables for minutes.
    whole = ["-E", "lazy_itable_init=0", "-i", "65536"]
    run(["mkfs.ext4", "-q", "-F", *whole, image], what="making a disk")
    attach_raw(folder, image)


def attach_raw(folder: Path, image: Path) -> None:
    """Show a raw image as the folder's drive, by the loop device alone.

    Raises StepFailedError, also where another drive of the image is still in use.
    """
    detach(folder)
    if not _given_back(image, IN_USE_S):
        raise StepFailedError(f"{image} is still in use", "run it again in a minute")
    _point(folder, image)


def attach(folder: Path, image: Path, log: Path | None = None) -> None:
    """Show a qcow2 image as the folder's drive; `log` gets every write to it.

    Neither is synced to this machine's own disk. Raises StepFailedError or ToolMissingError.
    """
    serve(folder, image, log)
    try:
        _point(folder, folder / SHOWN)
    except BaseException:
        detach(folder)
        raise


def serve(folder: Path, image: Path, log: Path | None = None) -> Path:
    """Show a qcow2 image as a file, and return that; else as `attach`."""
    detach(folder)
    shown = folder / SHOWN
    shown.touch()
    nodes = [
        f"driver=file,node-name=file,filename={quoted(image)},cache.no-flush=on",
        "driver=qcow2,node-name=disk,file=file,discard=unmap",
    ]
    if log is not None:
        with log.open("wb") as stream:
            stream.truncate(LOG_BYTES)
        nodes += [
            f"driver=file,node-name=log,filename={quoted(log)},cache.no-flush=on",
            "driver=blklogwrites,node-name=logged,file=disk,log=log,log-super-update-interval=1",
        ]
    top = "disk" if log is None else "logged"
    export = f"type=fuse,id=drive,node-name={top},mountpoint={quoted(shown)},writable=on"
    arguments = [part for node in nodes for part in ("--blockdev", node)]
    run(
        [DAEMON, *arguments, "--export", export, "--pidfile", folder / PID, "--daemonize"],
        what="showing a disk image",
        timeout_s=KILL_S * 3,
    )
    return shown


def _point(folder: Path, file: Path) -> None:
    """Set up the loop device, and a link with a name that stays for the Docker Engine."""
    loop = run(["losetup", "--find", "--show", file], what="showing a disk").strip()
    aside = folder / f".{DRIVE}"
    aside.unlink(missing_ok=True)
    aside.symlink_to(loop)
    aside.replace(folder / DRIVE)


def detach(folder: Path) -> None:
    """Take the folder's drive away, with all that showed it; nothing where there is none.

    A file system that is still mounted in a mount namespace of somebody else's loses its drive,
    unless that is a raw image's. Raises StepFailedError.
    """
    for file in (folder / IMAGE, folder / SHOWN):
        loops.release(file)
    _given_back(folder / SHOWN, GIVEN_BACK_S)
    with contextlib.suppress(FileNotFoundError, ValueError):
        process = procs.find(int((folder / PID).read_text(encoding="ascii")))
        if process and _is_daemon(process.pid, folder):
            _end(process)
    if folder / SHOWN in _mounts():
        run(["umount", "--lazy", folder / SHOWN], what="taking a disk image away")
    for name in (DRIVE, PID):
        (folder / name).unlink(missing_ok=True)


def _given_back(file: Path, limit_s: float) -> bool:
    """Wait until a file that was released has no loop device; tell whether it is so."""
    end = time.monotonic() + limit_s
    while loops.shown(file):
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def sweep(folder: Path, known: frozenset[str]) -> None:
    """Take away the drives of devices of the state `folder` that are not `known`.

    What else is in such a folder could not be removed before, and goes with it.
    """
    shown = [path for path in _mounts() if path.name == SHOWN and path.parent.parent == folder]
    served = procs.below(folder, DAEMON)
    for name in {*served, *(path.parent.name for path in shown)} - known:
        for process in served.get(name, ()):
            _end(process)
        if folder / name / SHOWN in _mounts():
            run(["umount", "--lazy", folder / name / SHOWN], what="taking a disk image away")
        shutil.rmtree(folder / name, ignore_errors=True)


def _end(process: procs.Process) -> None:
    if not procs.end(process, signal.SIGTERM, KILL_S) and not procs.end(
        process, signal.SIGKILL, KILL_S
    ):
        raise StepFailedError(f"{DAEMON} (process {process.pid}) can't be ended")


def _is_daemon(pid: int, folder: Path) -> bool:
    """Tell whether a process is this folder's daemon, and not another that has its number now."""
    with contextlib.suppress(OSError):
        command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
        return DAEMON.encode() in command_line and os.fsencode(folder / SHOWN) in command_line
    return False


def _mounts() -> list[Path]:
    with contextlib.suppress(OSError):
        rows = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
        return [Path(row.split(" ")[1]) for row in rows]
    return []
