"""Disks of a fixed size for containers: a sparse file with ext4 on a loop device of the host."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from pathlib import Path

from jetson_kit.core.errors import KitError, StepFailedError
from jetson_kit.core.files import disk_guard
from jetson_kit.core.run import run

LISTED = ["losetup", "--list", "--noheadings", "--raw", "--output", "NAME,BACK-FILE"]


@functools.cache
def usable() -> str:
    """Return why this machine can't give a container a disk of its own; empty where it can."""
    if sys.platform != "linux":
        return "loop devices are Linux's"
    if os.geteuid() != 0:
        return "only root may set up loop devices"
    if missing := [tool for tool in ("losetup", "mkfs.ext4") if not shutil.which(tool)]:
        return f"{' and '.join(missing)} not installed (packages mount, e2fsprogs)"
    if not Path("/dev/loop-control").exists():
        return "this kernel has no loop devices"
    return ""


def make(path: Path, gib: int) -> str:
    """Make a sparse disk of `gib` GiB at `path` and return the loop device that shows it.

    Raises StepFailedError or DiskFullError.
    """
    with disk_guard(path.parent), path.open("wb") as stream:
        stream.truncate(gib << 30)
    # Made in 10 ms: tables are written when first used, and what is killed here is thrown away.
    lazy = ["-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1", "-O", "^has_journal"]
    run(["mkfs.ext4", "-q", "-F", *lazy, path], what="making a disk")
    return run(["losetup", "--find", "--show", path], what="showing a disk").strip()


def release(path: Path) -> None:
    """Detach every loop device of a disk, also of one whose file is gone."""
    for name, back in _listed():
        if back.removesuffix(" (deleted)") == str(path):
            _detach(name)


def shown(path: Path) -> bool:
    """Tell whether a loop device shows a disk: one in use stays after `release` until it is not."""
    return any(back.removesuffix(" (deleted)") == str(path) for _, back in _listed())


def sweep(folder: Path, known: frozenset[str]) -> None:
    """Detach the loop devices of disks below `folder` whose device is not `known`."""
    for name, back in _listed():
        path = Path(back.removesuffix(" (deleted)"))
        if path.parent.parent == folder and path.parent.name.strip(".") not in known:
            _detach(name)


def _listed() -> list[tuple[str, str]]:
    if usable():
        return []
    try:
        rows = run(LISTED, what="listing loop devices").splitlines()
    except KitError:
        return []
    return [(name, back) for name, _, back in (row.partition(" ") for row in rows) if back]


def _detach(name: str) -> None:
    try:
        run(["losetup", "--detach", name], what="detaching a disk")
    except StepFailedError:
        # Somebody else may have been faster.
        if name in {row[0] for row in _listed()}:
            raise
