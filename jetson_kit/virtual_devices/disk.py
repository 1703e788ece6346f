"""Disks of virtual machines: a read-only base with the root, and an overlay for each device."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from pathlib import Path

from jetson_kit.core import cached_files
from jetson_kit.core.files import disk_guard, extract_tar, locked
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.run import run
from jetson_kit.virtual_devices.initramfs import Kernel
from jetson_kit.virtual_devices.root import Root

# What the guest sees; files take only the room of what is in them.
SIZE = 16 << 30
# Raised when the same inputs would give another disk than before.
FORMAT = 2
MKE2FS = ("-q", "-F", "-t", "ext4", "-L", "root", "-m", "0", "-E", "lazy_itable_init=0")
# One for all: a disk that is the same for the same inputs.
UUID = "6d706a6b-0000-4000-8000-000000000001"


def base(root: Root, kernel: Kernel) -> Path:
    """Return the qcow2 disk with `root` and the kernel's modules, cached by both.

    Raises DiskFullError, StepFailedError or ToolMissingError.
    """
    digest = hashlib.sha256(f"{FORMAT} {SIZE} {root.key} {kernel.key}".encode()).hexdigest()[:16]
    path = cache_dir("devices", "disk") / f"{root.arch}-{digest}.qcow2"
    with locked(cache_dir("locks") / f"{path.name}.lock", lambda: None):
        if not cached_files.intact(path):
            with disk_guard(path.parent), cached_files.create(path) as aside:
                _make(aside, root.tar, kernel.modules)
            cached_files.forget_unused(path.parent, f"{root.arch}-*.qcow2")
        cached_files.used(path)
    return path


def overlay(base_disk: Path, path: Path) -> None:
    """Make a device's own disk over the base. Raises StepFailedError or ToolMissingError."""
    run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base_disk, path],
        what=f"making the disk {path.name}",
    )


def _make(out: Path, *tars: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp")) as name:
        tree, raw = Path(name) / "tree", Path(name) / "disk.raw"
        tree.mkdir()
        owners: dict[str, tuple[int, int]] = {}
        for tar in tars:
            with tarfile.open(tar) as archive:
                extract_tar(archive, tree)
                for info in archive:
                    owners[info.name] = (info.uid, info.gid)
                    # Unpacking has left out what is dangerous elsewhere: set-user-ID, sticky.
                    if not info.issym():
                        (tree / info.name).chmod(info.mode)
        run(
            ["mke2fs", *MKE2FS, "-U", UUID, "-d", tree, raw, str(SIZE >> 10)],
            what="making the root's file system",
            env={**os.environ, "E2FSPROGS_FAKE_TIME": "1735689600"},
        )
        if os.geteuid():
            _give_back(raw, owners)
        run(
            ["qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", raw, out],
            what="packing the root's disk",
        )


def _give_back(raw: Path, owners: dict[str, tuple[int, int]]) -> None:
    """Set the owners that only root could give the unpacked files."""
    script = "".join(
        f'sif "/{name}" uid {uid}\nsif "/{name}" gid {gid}\n'
        for name, (uid, gid) in sorted(owners.items())
    )
    run(
        ["debugfs", "-w", "-f", "-", raw],
        what="setting the owners of the root's files",
        stdin=script.encode(),
    )
