"""What Ansible would open for an inventory: it reads a named pipe, or a device, without an end."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from jetson_kit.ansible_driver import inventory_text
from jetson_kit.core.errors import BadInputError

MOST = 16 << 20
ENTRIES = 20_000
BESIDE = ("group_vars", "host_vars")
APART = (*BESIDE, "vars_plugins")
TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
# What users set in the place of Ansible's own list, and beside it.
ENDS = "ANSIBLE_INVENTORY_IGNORE"
PATTERNS = "ANSIBLE_INVENTORY_IGNORE_REGEX"


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
        inventory_text.check(path)


def _paths(inventory: Path) -> Iterator[Path]:
    yield inventory
    folder = inventory
    if inventory.is_dir():
        yield from _below(inventory, _sources())
    else:
        folder = inventory.parent
    for name in BESIDE:
        yield from _below(folder / name, _variables)


def _below(top: Path, keep: Callable[[str, bool, bool], bool]) -> Iterator[Path]:
    """Yield what is below a folder; a folder that `keep` refuses is not walked.

    `keep` gets a name, whether it is a folder's, and whether it is at the top.
    """
    for place, folders, files in os.walk(top):
        first = place == str(top)
        folders[:] = [name for name in folders if keep(name, True, first)]
        for name in (*folders, *(name for name in files if keep(name, False, first))):
            yield Path(place, name)


def _sources() -> Callable[[str, bool, bool], bool]:
    """Return the filter for names that Ansible takes for inventories, as its manager does."""
    own = os.environ.get(ENDS)
    suffixes = tuple(_listed(own) if own else TABLE["ignored"])
    patterns = []
    for text in _listed(os.environ.get(PATTERNS, "")):
        with contextlib.suppress(re.error):  # Ansible says so
            patterns.append(re.compile(text))

    def keep(name: str, folder: bool, first: bool) -> bool:
        del folder, first
        left_out = name.startswith(".") or name in APART or name.endswith(suffixes)
        return not left_out and not any(pattern.search(name) for pattern in patterns)

    return keep


def _variables(name: str, folder: bool, first: bool) -> bool:
    """Tell whether Ansible may read a name for variables; at the top it is a host's or group's."""
    if name.startswith("."):
        return False
    end = Path(name).suffix
    other = folder or end not in TABLE["variables"]
    return first or not (name.endswith("~") or (end and other))


def _listed(text: str) -> list[str]:
    return [word for item in text.split(",") if (word := item.strip())]
