"""Receptor's program, out of Debian's package.

Debian 13's binary is one file without libraries but libc; it runs on Debian 12 and later.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import locked, sha256_file, write_text, written_aside
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian import apt, deb_file
from jetson_kit.debian import lock as debian_lock

SUITE = "trixie"
VARIANT = "receptor"
MEMBER = "./usr/bin/receptor"


def program(arch: str) -> Path:
    """Return Receptor for an architecture (amd64, arm64), from the cache if it is whole.

    Raises NetworkError, IntegrityError, DiskFullError, StepFailedError.
    """
    lock = debian_lock.read(debian_lock.path_of(VARIANT, SUITE, arch))
    if lock is None:
        raise IntegrityError(f"there is no lock of receptor for {arch}", "git checkout docker")
    row = lock.rows[0]
    place = cache_dir("receptor") / f"receptor-{row.version}-{arch}"
    known = place.with_name(place.name + ".sha256")
    with locked(cache_dir("locks") / "receptor.lock", lambda: None):
        if place.is_file() and known.is_file() and sha256_file(place) == known.read_text("ascii"):
            return place
        folder = cache_dir("apt", f"{SUITE}-{arch}")
        debs = debian_lock.fetch(lock, suite=SUITE, arch=arch, folder=folder)
        if debs is None:
            debs = apt.fetch(lock.packages, suite=SUITE, arch=arch, folder=folder)
        deb = next(item for item in debs if item.name == row.name)
        with tarfile.open(fileobj=io.BytesIO(deb_file.files_tar(deb))) as tar:
            stream = tar.extractfile(MEMBER)
            if stream is None:
                raise IntegrityError(f"{deb.path.name} has no {MEMBER}", "do not use it")
            with written_aside(place) as aside, aside.open("wb") as out:
                shutil.copyfileobj(stream, out)
        place.chmod(0o755)
        write_text(known, sha256_file(place))
    return place
