"""The user's own release key for virtual devices: their inventory gets it, and nobody pastes it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from jetson_kit.core.files import write_text
from jetson_kit.fleet.release import signing
from jetson_kit.fleet.release.trust import SIGNERS

MARK = "# Written by ./inv devices.up and fleet.key: the release key of this user."


def has_key() -> bool:
    """Tell whether the user has a key that signs releases, in its default place."""
    key = signing.default_key()
    return key.with_name(key.name + ".pub").is_file()


def trust(inventory: Path, group: str) -> None:
    """Let the devices of a group beside an inventory trust the user's key, where there is one.

    A file of variables that someone else wrote stays as it is.
    """
    path = _place(inventory, group)
    if not has_key() or (path.exists() and MARK not in path.read_text(encoding="utf-8")):
        return
    listed = signing.signers([signing.public_of(signing.default_key())]).splitlines()
    path.parent.mkdir(exist_ok=True)
    write_text(path, "\n".join([MARK, f"{SIGNERS}: |", *(f"  {line}" for line in listed), ""]))


def forget(inventory: Path, group: str) -> None:
    """Remove what `trust` wrote, once no device is left; files of others stay."""
    path = _place(inventory, group)
    if path.is_file() and MARK in path.read_text(encoding="utf-8", errors="replace"):
        path.unlink()
        with contextlib.suppress(OSError):  # other files are there
            path.parent.rmdir()


def _place(inventory: Path, group: str) -> Path:
    return inventory.parent / "group_vars" / f"{group}.yml"
