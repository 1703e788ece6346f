"""The Python packages of a bundle: wheels of requirements/bundle.txt for another machine."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from packaging.markers import Marker

from jetson_kit.core import uv
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import disk_guard, locked, write_text
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.wheels.pins import ARCHITECTURES

LOCK = ROOT / "requirements" / "bundle.txt"
OLDEST_GLIBC = 17
DONE = ".complete"


def lines_for(lock: str, python: str, machine: str) -> str:
    """Return the requirements of a universal lock that a Python ("3.11") of a machine takes."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": machine,
    }
    taken = []
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        head, *hashes = entry.split("\\\n")
        requirement, _, marker = head.partition(";")
        if not marker.strip() or Marker(marker.strip()).evaluate(environment):
            taken.append("\\\n".join([f"{requirement.strip()} ", *hashes]))
    return "\n".join(taken) + "\n"


def wheels(python: str, arch: str, glibc: tuple[int, int], lock: Path = LOCK) -> list[Path]:
    """Return the wheels of a Python and architecture (arm64, amd64), from the cache if whole.

    Raises NetworkError, IntegrityError, DiskFullError.
    """
    machine = ARCHITECTURES[arch]
    lines = lines_for(lock.read_text(encoding="utf-8"), python, machine)
    key = hashlib.sha256(f"{glibc}{machine}{python}{lines}".encode()).hexdigest()[:16]
    folder = cache_dir("bundle", f"{machine}-py{python}-{key}")
    with locked(cache_dir("locks") / f"bundle-{key}.lock", lambda: None), disk_guard(folder):
        # The marker is written last: what was cut off is downloaded again.
        if not (folder / DONE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            listed = folder / "requirements.txt"
            listed.write_text(lines, encoding="utf-8")
            uv.download_locked(listed, python, platforms(machine, glibc), folder)
            write_text(folder / DONE, "")
    paths = sorted(folder.glob("*.whl"))
    if len(paths) != len(re.findall(r"^\S+==", lines, flags=re.MULTILINE)):
        (folder / DONE).unlink(missing_ok=True)
        raise IntegrityError(f"{folder} lacks wheels of Python {python}", "run it again")
    return paths


def platforms(machine: str, glibc: tuple[int, int]) -> list[str]:
    """Return the platform tags that a machine with this C library takes, the newest first."""
    versions = range(glibc[1], OLDEST_GLIBC - 1, -1)
    return [*(f"manylinux_{glibc[0]}_{n}_{machine}" for n in versions), f"manylinux2014_{machine}"]
