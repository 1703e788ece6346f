"""What Ansible would open for an inventory: it reads a named pipe, or a device, without an end."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Iterator
from pathlib import Path

from jetson_kit.core.errors import BadInputError

MOST = 16 << 20
ENTRIES = 20_000
BESIDE = ("group_vars", "host_vars")


def check(inventory: Path) -> None:
    """Raise BadInputError for what is no regular file, or too large, of what belongs to one."""
    for count, path in enumerate(_paths(inventory)):
        if count >= ENTRIES:
            raise BadInputError(
                f"{inventory} has more than {ENTRIES} files", "name a smaller folder"
            )
        try:
            status = path.stat()
        except OSError:
            continue  # Ansible's own reader says so
        if stat.S_ISDIR(status.st_mode):
            continue
        if not stat.S_ISREG(status.st_mode):
            raise BadInputError(f"{path} is no regular file", "take it out of the inventory")
        if status.st_size > MOST:
            raise BadInputError(f"{path} is larger than {MOST >> 20} MiB", "make it smaller")


def _paths(inventory: Path) -> Iterator[Path]:
    yield inventory
    if inventory.is_dir():
        yield from inventory.rglob("*")
    else:
        folders = (inventory.parent / name for name in BESIDE)
        yield from itertools.chain.from_iterable(folder.rglob("*") for folder in folders)
