"""Environments of their own, each made from a hash-pinned lock when it is first asked for."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from jetson_kit.core import uv
from jetson_kit.core.files import locked, write_text
from jetson_kit.core.paths import cache_dir

MARKER = ".locked"


def programs(family: str, name: str, lock: Path, python: str | Path) -> Path:
    """Return the folder of an environment's programs, kept in the cache under its lock's hash.

    `family` is the folder of the cache, `name` the prefix of the hash. Raises as
    jetson_kit.core.uv.
    """
    key = hashlib.sha256(lock.read_bytes() + os.fsencode(python)).hexdigest()[:12]
    folder = cache_dir(family) / f"{name}-{key}"
    with locked(cache_dir("locks") / f"{family}-{name}.lock", lambda: None):
        # The marker is written last: an environment that was cut off is made again.
        if not (folder / MARKER).exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv.uv(["venv", "--quiet", "--python", python, folder], what=f"{family} {name}")
            uv.install(folder / "bin" / "python", "--require-hashes", "--requirement", lock)
            write_text(folder / MARKER, lock.read_text(encoding="utf-8"))
    return folder / "bin"
