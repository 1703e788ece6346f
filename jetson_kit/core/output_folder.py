"""The folder of a build's files: the new one whole or the old one, whenever a build is killed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import disk_full, free_bytes, lock_of, locked

MANIFEST = "manifest.json"
# No image's archive is smaller.
LEAST = 100 << 20


def check(output: Path) -> None:
    """Refuse a folder whose contents are not ours, or that can't be renamed away.

    Publishing would replace them. Raises BadInputError.
    """
    if output.is_mount():
        raise BadInputError(
            f"{output} is the top of a file system, which no build can replace",
            f"name a folder in it: --output {output / 'NAME'}",
        )
    beside = next(place for place in output.absolute().parents if place.exists())
    if not os.access(beside, os.W_OK):
        raise BadInputError(
            f"{output} can't be made: this user can't write into {beside}",
            "name a folder elsewhere with --output",
        )
    if not output.exists():
        return
    if not output.is_dir():
        raise BadInputError(f"{output} is not a folder", "name another with --output")
    if any(output.iterdir()) and not (output / MANIFEST).is_file():
        raise BadInputError(
            f"{output} holds files that no build wrote", "name a new or empty folder with --output"
        )


def check_room(output: Path, need: int = LEAST) -> None:
    """Raise DiskFullError where no image fits beside what is there, or not one of `need` bytes."""
    if free_bytes(output) < need:
        raise disk_full(output, f"about {need >> 20} MiB are needed")


def recover(output: Path) -> None:
    """Put the old folder back where a build was killed while it was replaced."""
    old = output.with_name(f".{output.name}.old")
    if old.exists() and not output.exists():
        old.rename(output)


@contextlib.contextmanager
def replaced(output: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `output` only if the block succeeds.

    Another run that replaces the same folder waits.
    """
    with locked(lock_of(output), lambda: None):
        yield from _replaced(output)


def _replaced(output: Path) -> Iterator[Path]:
    folder = output.with_name(f".{output.name}.part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    old = output.with_name(f".{output.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    folder.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def linked(build: Path, folder: Path) -> Path:
    """Return a folder that stands for a build's, so that nothing is written into that one."""
    folder.mkdir(parents=True)
    document = json.loads((build / MANIFEST).read_text(encoding="utf-8"))
    shutil.copy(build / MANIFEST, folder / MANIFEST)
    (folder / document["archive"]["file"]).symlink_to(build / document["archive"]["file"])
    return folder
