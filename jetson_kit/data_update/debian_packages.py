"""Renews the locked sets of Debian packages that root file systems are put together from."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jetson_kit.data_update.changes import Changes
from jetson_kit.data_update.request import Request
from jetson_kit.debian import apt as debian
from jetson_kit.debian import lock as debian_lock
from jetson_kit.debian import rootfs
from jetson_kit.debian.lock import Lock

PACKAGE = "debian"


def update(changes: Changes, request: Request) -> None:
    """Note each lock of docker/packages/ as apt resolves it now; an empty file is a new one.

    Raises NetworkError, IntegrityError, DiskFullError, StepFailedError, ToolMissingError.
    """
    if not request.covers(PACKAGE):
        return
    with tempfile.TemporaryDirectory(prefix="kit-debian-") as name:
        for path, variant, suite, arch in locks():
            have = debian_lock.read(path) if path.stat().st_size else None
            lock = resolved(variant, suite, arch, Path(name, f"{suite}-{arch}"))
            changes.write(path, debian_lock.to_json(lock))
            _steps(changes, have, lock, path)


def locks() -> Iterator[tuple[Path, str, str, str]]:
    """Yield (file, variant, suite, architecture) of the locks that are there."""
    for path in sorted(debian_lock.FOLDER.glob("*.json")):
        suite, arch, variant = path.stem.split("-")
        yield path, variant, suite, arch


def resolved(variant: str, suite: str, arch: str, folder: Path) -> Lock:
    """Return the newest packages of a variant, as apt resolves them in `folder`."""
    spec = rootfs.data()
    packages = tuple(_packages(spec, variant))
    alone = variant in spec["programs"]
    status = "" if alone else rootfs.status(spec, variant)
    printed = debian.resolve(packages, suite=suite, arch=arch, folder=folder, status=status)
    lock = debian_lock.resolved(packages, printed, debian.host_mirror())
    if alone:
        return Lock(packages, tuple(row for row in lock.rows if row.name in packages))
    return lock


def _packages(spec: dict[str, Any], variant: str) -> list[str]:
    """Return what apt is asked for. Raises KeyError."""
    program: list[str] = spec["programs"].get(variant) or rootfs.facts_of(spec, variant)["packages"]
    return program


def problems() -> list[str]:
    """Return the locks that are not for what docker/rootfs.toml asks for now."""
    result = []
    for path, variant, _, _ in locks():
        lock = debian_lock.read(path)
        try:
            packages = _packages(rootfs.data(), variant)
        except KeyError:
            packages = None
        if lock is None or list(lock.packages) != packages:
            result.append(f"docker/packages/{path.name} is not for the packages of rootfs.toml")
    return result


def _steps(changes: Changes, have: Lock | None, lock: Lock, path: Path) -> None:
    before = {row.name: row.version for row in have.rows} if have else {}
    for row in lock.rows:
        if row.name in before and before[row.name] != row.version:
            changes.take(row.name, before[row.name], row.version, f"docker/packages/{path.name}")
